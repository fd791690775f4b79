import { pruned, Reader, stepsFor } from "./compatibility/declaration.ts";
import { Node } from "./compatibility/node.ts";
import type { JsonSchema } from "./json-schema.ts";

/**
 * The wire form of a payload: as its producer wrote it, less what the contract does not declare.
 *
 * Objects are closed on the writer's side. A property that no revision declares would be a promise that nobody made:
 * the next release might declare one of the same name with another type, and meet the old ones in the queue.
 * Free-form records (additionalProperties, patternProperties) stay as they are.
 *
 * The comparison of contracts goes by the same rule (compatibility/declaration.ts).
 */
export interface Wire {
  /** A payload without what the schema does not declare; the very same where that is nothing. */
  prune(value: unknown): unknown;
  /**
   * Whether a payload that was pruned can do without what was left out: a schema may want what it does not describe (a count of
   * properties, a negation, a oneOf of which what is left meets two members). Nothing else can be stored: were such a payload
   * stored whole, it would hold what no comparison of contracts reckons with. A library's validator may know more, and is asked
   * besides.
   */
  standsAlone(value: unknown, kept: unknown): boolean;
}

/** For one schema and many payloads: one that plainly declares all it has is passed on as it is. */
export function wireOf(schema: JsonSchema): Wire {
  const declared = declaring(schema);
  const root = Node.root(schema);
  const prune = (value: unknown) => pruned(root, value);
  return {
    prune: (value) => (declared(value) ? value : prune(value)),
    standsAlone(value, kept) {
      // What declares may have been a member or a condition that holds for the whole only.
      if (prune(kept) !== kept) return false;
      const reader = new Reader(stepsFor(value));
      return reader.fits(root, kept) !== "no" || reader.fits(root, value) === "no";
    },
  };
}

/** Where a payload holds something that its pruned form does not, such as "items[3].note". */
export function leftOut(value: unknown, kept: unknown, path = ""): readonly string[] {
  if (value === kept || typeof value !== "object" || value === null) return [];
  const rest = kept as { readonly [key: string]: unknown };
  return Object.entries(value).flatMap(([key, item]) => {
    const at = Array.isArray(value) ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`;
    return Object.hasOwn(rest, key) ? leftOut(item, rest[key], at) : [at];
  });
}

/**
 * A quick test whether a schema declares all that a value has, by its properties and items alone. A yes is certain, because whatever
 * else the schema says can only declare more; a no means that it takes a closer look.
 */
function declaring(schema: unknown): (value: unknown) => boolean {
  const { properties, items, prefixItems } = (typeof schema === "object" && schema !== null ? schema : {}) as {
    readonly properties?: unknown;
    readonly items?: unknown;
    readonly prefixItems?: unknown;
  };
  const byKey = new Map(
    typeof properties === "object" && properties !== null
      ? Object.entries(properties).map(([key, property]) => [key, declaring(property)])
      : [],
  );
  const ofItem = items === undefined || prefixItems !== undefined ? undefined : declaring(items);
  return (value) => {
    if (typeof value !== "object" || value === null) return true;
    if (Array.isArray(value)) return ofItem !== undefined && value.every(ofItem);
    for (const key of Object.keys(value)) {
      const declared = byKey.get(key);
      if (!declared?.((value as Record<string, unknown>)[key])) return false;
    }
    return true;
  };
}
