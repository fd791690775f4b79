import { leadsNowhere, type Rest, restOfEither, restTogether } from "./declaration.ts";
import { matches } from "./match.ts";
import { type ArrayPart, anything, demandedKeys, Node, type ObjectPart } from "./node.ts";

/** What a schema may declare in place, union members and conditions included: for any payload no less than declaration.ts finds. */
export interface Declared {
  readonly keys: ReadonlyMap<string, readonly Node[]>;
  readonly patterns: readonly { readonly source: string; readonly node: Node }[];
  /** Of further properties. */
  readonly others: readonly Node[];
  readonly arrays: readonly ArrayPart[];
  /** It gives leave for any further property. */
  readonly open: boolean;
}

export function declaredBy(node: Node): Declared {
  return node.note("declared", () => {
    const keys = new Map<string, Node[]>();
    const patterns: { source: string; node: Node }[] = [];
    const others: Node[] = [];
    const arrays: ArrayPart[] = [];
    const [seen, seenAsked] = [new Set<Node>(), new Set<Node>()];
    const waiting = [{ at: node, asked: false }];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const { at, asked } = next;
      const known = asked ? seenAsked : seen;
      if (known.has(at)) continue;
      if (known.size > maxDeclaring) return declaredBy(freely);
      known.add(at);
      const { allOf = [], anyOf = [], oneOf = [], condition, object, array, opaque = [] } = at.parts;
      const declares = (key: string, as: Node) => keys.set(key, [...(keys.get(key) ?? []), asked ? anything : as]);
      for (const [key, property] of object?.properties ?? []) declares(key, property);
      for (const key of object === undefined ? [] : demandedKeys(object))
        if (object?.properties.has(key) !== true) declares(key, anything);
      for (const pattern of object?.patterns ?? []) patterns.push(asked ? { ...pattern, node: anything } : pattern);
      if (object?.additional !== undefined && object.additional.parts.never !== true)
        others.push(asked ? anything : object.additional);
      if (array !== undefined && !asked) arrays.push(array);
      for (const member of [...allOf, ...anyOf, ...oneOf]) waiting.push({ at: member, asked });
      for (const { perhaps } of opaque) if (perhaps !== undefined) waiting.push({ at: perhaps, asked });
      for (const member of object?.dependentSchemas.values() ?? []) waiting.push({ at: member, asked });
      if (condition === undefined) continue;
      const { holding, failing } = condition;
      for (const member of [holding, failing]) if (member !== undefined) waiting.push({ at: member, asked });
      // A condition declares names alone.
      waiting.push({ at: condition.asked, asked: true });
    }
    return { keys, patterns, others, arrays, open: others.length > 0 || restOf(node) === "open" };
  });
}

/** What a schema of more parts than this declares is not gone through: it may be anything. */
const maxDeclaring = 2_000;

/** What a schema may declare of the value at one key. */
export function declaredAt(node: Node, key: string): readonly Node[] {
  const { keys, patterns, others } = declaredBy(node);
  const matching = patterns.filter(({ source }) => matches(source, key) !== "no").map((pattern) => pattern.node);
  return [...(keys.get(key) ?? []), ...matching, ...others];
}

/** The most that a schema may leave of what it does not declare of an object; undefined where it takes no object. */
export function restOf(node: Node): Rest | undefined {
  if (asking.has(node) || asking.size > maxAsking) return "open";
  return node.note("rest", () => {
    asking.add(node);
    const rest = findRest(node);
    asking.delete(node);
    return rest;
  });
}

const asking = new Set<Node>();
const maxAsking = 60;

function findRest(node: Node): Rest | undefined {
  const { parts } = node;
  const { never, types, values, allOf = [], anyOf, oneOf, condition, object } = parts;
  if (never === true || types?.has("object") === false) return;
  if (values?.every((value) => typeof value !== "object" || value === null) === true) return;
  if (leadsNowhere(parts)) return "open";
  let rest: Rest = object === undefined ? "silent" : ownRest(node, object);
  for (const member of allOf) {
    const of = restOf(member);
    if (of === undefined) return;
    rest = restTogether(rest, of);
  }
  for (const members of [anyOf, oneOf]) {
    if (members === undefined) continue;
    const rests = members.flatMap((member) => restOf(member) ?? []);
    if (rests.length === 0) return;
    rest = restTogether(rest, rests.reduce(restOfEither));
  }
  // They may apply or not.
  const perhaps = [
    ...[condition?.holding, condition?.failing, ...(object?.dependentSchemas.values() ?? [])],
    ...(parts.opaque ?? []).map((opaque) => opaque.perhaps),
  ];
  return perhaps.some((member) => member !== undefined && restOf(member) === "open") ? "open" : rest;
}

function ownRest(node: Node, { declares, additional, unevaluated }: ObjectPart): Rest {
  // Where it takes no further properties at all, those that it takes are declared by its neighbours.
  if (unevaluated !== undefined) return unevaluated.parts.never === true && isTellable(node) ? "closed" : "open";
  return declares && additional === undefined ? "closed" : "silent";
}

/** Whether a schema says of each item of an array what it is; undefined where it takes no array. */
export function describesItems(node: Node, depth = 0): boolean | undefined {
  const { never, types, values, allOf = [], array } = node.parts;
  if (never === true || types?.has("array") === false || values?.every((value) => !Array.isArray(value)) === true)
    return;
  if (array?.rest !== undefined) return true;
  if (depth > 8) return false;
  const members = allOf.map((member) => describesItems(member, depth + 1));
  return members.includes(undefined) ? undefined : members.includes(true);
}

/** Declares anything, at any depth. */
export const freely: Node = makeFreely();

function makeFreely(): Node {
  const object: { -readonly [Key in keyof ObjectPart]: ObjectPart[Key] } = {
    ...{ properties: new Map(), declares: false, patterns: [], required: [], soft: [] },
    ...{ dependentRequired: new Map(), dependentSchemas: new Map() },
  };
  const array: { prefix: readonly Node[]; rest?: Node } = { prefix: [] };
  const node = Node.of({ object, array });
  object.additional = node;
  array.rest = node;
  return node;
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
