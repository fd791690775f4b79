import { type Comparison, compareSchemas } from "../contract/compatibility/compatibility.ts";
import type { JsonSchema } from "../contract/json-schema.ts";
import type { Change } from "./finding.ts";

/** What changed between two forms of a payload, in the words of whoever changed it: by its fields. */
export interface PayloadDiff {
  readonly comparison: Comparison;
  /** Top-level fields that the newer form has and the older has not. */
  readonly added: readonly Field[];
  readonly removed: readonly Field[];
  /** Top-level fields that are in both, and are not the same in both. */
  readonly altered: readonly AlteredField[];
  /** A field that was removed and one of the same form that was added: perhaps one with a new name. */
  readonly renamed?: { readonly from: string; readonly to: string };
  /** Whether all that changed is told by the fields above: both are plain objects. */
  readonly byField: boolean;
  readonly changes: readonly Change[];
}

export interface Field {
  readonly name: string;
  readonly required: boolean;
  readonly schema: JsonSchema;
}

export interface AlteredField {
  readonly name: string;
  readonly older: Field;
  readonly newer: Field;
}

export function payloadDiff(older: JsonSchema, newer: JsonSchema): PayloadDiff {
  const comparison = compareSchemas(older, newer);
  const [before, after] = [fieldsOf(older), fieldsOf(newer)];
  const added = [...after.values()].filter(({ name }) => !before.has(name));
  const removed = [...before.values()].filter(({ name }) => !after.has(name));
  const altered = [...after.values()].flatMap((field) => {
    const known = before.get(field.name);
    const same = known?.required === field.required && JSON.stringify(known.schema) === JSON.stringify(field.schema);
    return known === undefined || same ? [] : [{ name: field.name, older: known, newer: field }];
  });
  const renamed = renaming(removed, added);
  return {
    comparison,
    added,
    removed,
    altered,
    ...(renamed && { renamed }),
    byField: isPlainObject(older) && isPlainObject(newer),
    changes: comparison.differences.map(({ path, rule, message }) => ({ field: fieldName(path), rule, message })),
  };
}

/** `items[].price` of `/items/*\/price`. */
function fieldName(path: string): string {
  return path
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .map((part, index) => (part === "*" || /^\d+$/.test(part) ? "[]" : `${index > 0 ? "." : ""}${part}`))
    .join("");
}

function isPlainObject(schema: JsonSchema): boolean {
  return (
    typeof schema === "object" &&
    schema.type === "object" &&
    typeof schema.properties === "object" &&
    ["anyOf", "oneOf", "allOf", "not", "if", "$ref"].every((keyword) => !(keyword in schema))
  );
}

function fieldsOf(schema: JsonSchema): Map<string, Field> {
  if (typeof schema === "boolean" || typeof schema.properties !== "object" || schema.properties === null)
    return new Map();
  const required = Array.isArray(schema.required) ? (schema.required as readonly unknown[]) : [];
  return new Map(
    Object.entries(schema.properties as Record<string, JsonSchema>).map(([name, field]) => [
      name,
      { name, required: required.includes(name), schema: field },
    ]),
  );
}

/** One gone, one come, of the same form: a guess, and told as one. */
function renaming(removed: readonly Field[], added: readonly Field[]): PayloadDiff["renamed"] {
  const [gone, come] = [removed[0], added[0]];
  if (removed.length !== 1 || added.length !== 1 || gone === undefined || come === undefined) return;
  return JSON.stringify(gone.schema) === JSON.stringify(come.schema) ? { from: gone.name, to: come.name } : undefined;
}
