import type { JsonSchema } from "../../contract/json-schema.ts";
import { NoSource } from "./no-source.ts";

/** Reads a JSON Schema as the converters of schema libraries write it, and has it written in one of them. */

export type Keywords = Readonly<Record<string, unknown>>;

export interface WrittenField {
  readonly name: string;
  readonly source: string;
  readonly optional: boolean;
  readonly fallback?: unknown;
}

/** How a library writes each kind of schema. @throws {NoSource} where it has no words for it */
export interface Words {
  readonly any: string;
  readonly boolean: string;
  readonly null: string;
  literals(values: readonly unknown[]): string;
  /** Of `format`, `pattern`, `minLength` and `maxLength`. */
  text(keywords: Keywords): string;
  /** Of `type`, the bounds and `multipleOf`. */
  number(keywords: Keywords): string;
  array(item: string, bounds: { readonly minItems?: unknown; readonly maxItems?: unknown }): string;
  object(fields: readonly WrittenField[], strict: boolean): string;
  record(value: string): string;
  union(members: readonly string[]): string;
}

/** Says nothing to a validator. */
const silent = new Set(["title", "description", "examples", "deprecated", "default"]);
const number = ["type", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];
const texts = ["type", "format", "pattern", "minLength", "maxLength"];

/** @throws {NoSource} */
export function written(schema: JsonSchema, words: Words): string {
  if (schema === true) return words.any;
  if (schema === false) throw new NoSource();
  const keywords = schema as Keywords;
  if (Object.keys(keywords).every((keyword) => silent.has(keyword))) return words.any;
  if ("const" in keywords) return words.literals([keywords.const]);
  if (Array.isArray(keywords.enum)) return words.literals(keywords.enum);
  if (Array.isArray(keywords.anyOf)) return unionOf(only(keywords, ["anyOf"]).anyOf as JsonSchema[], words);
  if (Array.isArray(keywords.type))
    return unionOf(
      keywords.type.map((type: unknown) => ({ ...keywords, type })),
      words,
    );
  switch (keywords.type) {
    case "string":
      return words.text(only(keywords, texts));
    case "integer":
    case "number":
      return words.number(only(keywords, number));
    case "boolean":
      return words.boolean;
    case "null":
      return words.null;
    case "array":
      return arrayOf(only(keywords, ["type", "items", "minItems", "maxItems"]), words);
    case "object":
      return objectOf(keywords, words);
    default:
      throw new NoSource();
  }
}

function unionOf(members: readonly JsonSchema[], words: Words): string {
  const constants = members.map((member) =>
    typeof member === "object" && "const" in member ? [member.const] : undefined,
  );
  if (constants.every((one) => one !== undefined)) return words.literals(constants.flatMap((one) => one ?? []));
  return words.union(members.map((member) => written(member, words)));
}

function arrayOf({ items = true, minItems, maxItems }: Keywords, words: Words): string {
  return words.array(written(items as JsonSchema, words), { minItems, maxItems });
}

function objectOf(keywords: Keywords, words: Words): string {
  const { properties, required = [], additionalProperties } = keywords;
  if (properties === undefined) return recordOf(keywords, words);
  only(keywords, ["type", "properties", "required", "additionalProperties"]);
  if (additionalProperties !== undefined && additionalProperties !== false) throw new NoSource();
  const fields = Object.entries(properties as Record<string, JsonSchema>).map(([name, schema]): WrittenField => {
    const fallback = typeof schema === "object" ? schema.default : undefined;
    return {
      name,
      source: written(schema, words),
      optional: !(required as readonly string[]).includes(name),
      ...(fallback !== undefined && { fallback }),
    };
  });
  return words.object(fields, additionalProperties === false);
}

/** With any key: the libraries say so in different ways. */
function recordOf(keywords: Keywords, words: Words): string {
  const { additionalProperties, propertyNames, patternProperties } = only(keywords, [
    "type",
    "additionalProperties",
    "propertyNames",
    "patternProperties",
  ]);
  if (propertyNames !== undefined && JSON.stringify(propertyNames) !== '{"type":"string"}') throw new NoSource();
  const patterns = Object.entries((patternProperties ?? {}) as Record<string, JsonSchema>);
  const [[pattern, value] = []] = patterns;
  if (patterns.length === 1 && (pattern === "^.*$" || pattern === "^(.*)$") && value !== undefined)
    return words.record(written(value, words));
  if (patterns.length > 0 || typeof additionalProperties !== "object") throw new NoSource();
  return words.record(written(additionalProperties as JsonSchema, words));
}

/** @throws {NoSource} where a schema says more than is read here */
function only(keywords: Keywords, known: readonly string[]): Keywords {
  if (!Object.keys(keywords).every((keyword) => known.includes(keyword) || silent.has(keyword))) throw new NoSource();
  return keywords;
}
