import type { JsonSchema } from "../contract/json-schema.ts";

/** Keywords in the order in which people look for them; the others follow by name. */
const first = ["$ref", "title", "description", "type", "const", "enum", "format", "pattern", "properties", "required"];
const last = ["additionalProperties", "default", "$defs"];
const ranks = new Map([
  ...first.map((keyword, index) => [keyword, index - first.length] as const),
  ...last.map((keyword, index) => [keyword, index + 1] as const),
]);
/** Keywords whose value maps names to schemas: names keep the order of the code. */
const maps = new Set(["properties", "patternProperties", "dependentSchemas", "$defs", "definitions"]);
/** Keywords that hold plain values. */
const values = new Set(["const", "enum", "default", "examples", "required", "type"]);

/** The same schema with its keywords in one order, so that an update of the schema library that only moves them is no diff. */
export function ordered(schema: JsonSchema): JsonSchema {
  return order(schema) as JsonSchema;
}

function order(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(order);
  if (typeof schema !== "object" || schema === null) return schema;
  const result: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(schema).sort(([one], [other]) => compare(one, other)))
    result[keyword] = values.has(keyword) ? value : maps.has(keyword) ? each(value) : order(value);
  return result;
}

function each(map: unknown): unknown {
  if (typeof map !== "object" || map === null) return map;
  return Object.fromEntries(Object.entries(map).map(([name, schema]) => [name, order(schema)]));
}

function compare(one: string, other: string): number {
  const difference = (ranks.get(one) ?? 0) - (ranks.get(other) ?? 0);
  return difference !== 0 ? difference : one < other ? -1 : 1;
}
