import { matches } from "./match.ts";
import { anything, demandedKeys, Node } from "./node.ts";

/** What a schema declares in place, union members and conditions included. */
export interface Declared {
  readonly keys: ReadonlyMap<string, readonly Node[]>;
  readonly patterns: readonly string[];
  /** It gives leave for any further property. */
  readonly open: boolean;
}

export function declaredBy(node: Node): Declared {
  return node.note("declared", () => {
    const keys = new Map<string, Node[]>();
    const patterns: string[] = [];
    let open = false;
    const seen = new Set<Node>();
    const waiting = [node];
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      if (seen.has(at)) continue;
      seen.add(at);
      const { parts } = at;
      const { object } = parts;
      const declares = (key: string, as: Node) => keys.set(key, [...(keys.get(key) ?? []), as]);
      for (const [key, property] of object?.properties ?? []) declares(key, property);
      for (const key of object === undefined ? [] : demandedKeys(object))
        if (object?.properties.has(key) !== true) declares(key, anything);
      for (const { source } of parts.object?.patterns ?? []) patterns.push(source);
      for (const others of [parts.object?.additional, parts.object?.unevaluated])
        if (others !== undefined && others.parts.never !== true) open = true;
      waiting.push(...(parts.allOf ?? []), ...(parts.anyOf ?? []), ...(parts.oneOf ?? []));
      for (const other of Object.values(parts.condition ?? {})) waiting.push(other);
      waiting.push(...(parts.object?.dependentSchemas.values() ?? []));
    }
    return { keys, patterns, open };
  });
}

/** Whether one can always tell if a value satisfies a schema: there is no format in it, and no keyword that cannot be judged. */
export function isTellable(node: Node): boolean {
  return node.note("tellable", () => {
    const seen = new Set<Node>();
    const waiting = [node];
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      if (seen.has(at)) continue;
      seen.add(at);
      const { allOf = [], anyOf = [], oneOf = [], not, condition, object, array, ...own } = at.parts;
      if (own.format !== undefined || own.opaque !== undefined || own.nullable === true || seen.size > maxTold)
        return false;
      // Of a long text it may be unknown whether it matches.
      if (own.string?.pattern !== undefined || (object?.soft.length ?? 0) > 0) return false;
      if (object?.patterns.some(({ source }) => matches(source, "") === "unknown")) return false;
      const { properties, patterns = [], dependentSchemas, additional, names, unevaluated } = object ?? {};
      const parts = [
        ...[...allOf, ...anyOf, ...oneOf, condition?.asked, condition?.holding, condition?.failing],
        ...[
          ...(properties?.values() ?? []),
          ...(dependentSchemas?.values() ?? []),
          ...patterns.map(({ node }) => node),
        ],
        ...[...(array?.prefix ?? []), array?.rest, array?.contains?.node, array?.unevaluated],
        ...[not, additional, names, unevaluated],
      ];
      for (const part of parts) if (part !== undefined) waiting.push(part);
    }
    return true;
  });
}

/** A schema of more parts than this is not gone through. */
const maxTold = 1_000;

/** Declares what a schema does, and says nothing of the values: whether it holds at all, nobody knows. */
export function perhaps(node: Node): Node {
  return node.note("perhaps", () => Node.of({ allOf: [node], opaque: [{ keyword: "(perhaps)", value: node }] }));
}
