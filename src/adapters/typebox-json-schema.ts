import { pointerStep } from "./json-pointer.ts";

/**
 * A TypeBox type as JSON Schema draft 2020-12. It is JSON Schema already, but for three things: tuples are written as in draft 7,
 * a type refers to another by a bare name, and there are types for what JSON has not.
 */

type Schema = { [keyword: string]: unknown };

const jsonTypes = ["string", "number", "integer", "boolean", "null", "object", "array"];
const oneSchema = [
  "items additionalItems contains additionalProperties propertyNames unevaluatedItems unevaluatedProperties",
  "not if then else",
].flatMap((line) => line.split(" "));
const listsOfSchemas = ["prefixItems", "anyOf", "oneOf", "allOf"];
const namedSchemas = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];

/** @throws {Error} where a part of it is not JSON */
export function typeboxJsonSchema(type: object): Schema {
  const plain: unknown = JSON.parse(JSON.stringify(type, patternText));
  return convert(plain, "#", new Map()) as Schema;
}

/** A pattern may be written as a RegExp, whose flags JSON Schema has not. */
function patternText(_key: string, value: unknown): unknown {
  if (!(value instanceof RegExp)) return value;
  if (value.flags.replace("u", "") !== "") throw new Error(`the pattern ${value} has flags, which JSON Schema has not`);
  return value.source;
}

function convert(type: unknown, at: string, around: ReadonlyMap<string, string>): unknown {
  if (!isSchema(type)) return type;
  const named = names(type, at, around);
  assertJsonType(type, at);
  const { $id, $ref, additionalItems, ...schema }: Schema = type;
  if (typeof $id === "string" && !isName($id)) schema.$id = $id;
  if (typeof $ref === "string") schema.$ref = target($ref, named);
  if (Array.isArray(schema.items)) {
    schema.prefixItems = schema.items;
    schema.items = additionalItems ?? true;
    if ((schema.prefixItems as unknown[]).length === 0) delete schema.prefixItems;
  }
  for (const key of oneSchema)
    if (schema[key] !== undefined) schema[key] = convert(schema[key], pointerStep(at, key), named);
  for (const key of listsOfSchemas) {
    const list = schema[key];
    if (Array.isArray(list))
      schema[key] = list.map((one, index) => convert(one, pointerStep(pointerStep(at, key), index), named));
  }
  for (const key of namedSchemas) {
    const map = schema[key];
    if (isSchema(map))
      schema[key] = Object.fromEntries(
        Object.entries(map).map(([name, one]) => [name, convert(one, pointerStep(pointerStep(at, key), name), named)]),
      );
  }
  return schema;
}

/** What a bare name refers to here: the type itself, what it defines, and what is named around it. `#` is the nearest type with a name. */
function names({ $id, $defs }: Schema, at: string, around: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const definitions = isSchema($defs) ? Object.keys($defs) : [];
  const own = typeof $id === "string" && isName($id) ? [$id, "#"] : [];
  if (definitions.length + own.length === 0) return around;
  return new Map([
    ...around,
    ...own.map((name) => [name, at] as const),
    ...definitions.map((name) => [name, pointerStep(pointerStep(at, "$defs"), name)] as const),
  ]);
}

function target(ref: string, named: ReadonlyMap<string, string>): string {
  return ref === "#" || ref.startsWith("#/") ? (named.get("#") ?? "#") + ref.slice(1) : (named.get(ref) ?? ref);
}

function assertJsonType({ type }: Schema, at: string): void {
  for (const name of Array.isArray(type) ? type : [type])
    if (name !== undefined && !jsonTypes.includes(name as string))
      throw new Error(`${at === "#" ? "it" : at.slice(2)} is of type ${name}, which is not JSON`);
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** As TypeBox names types, and not an address, within which references mean something else. */
function isName(id: string): boolean {
  return !id.includes(":");
}
