import type { JsonSchema } from "../json-schema.ts";
import type { Resource } from "./document.ts";
import { isObject, isStrings, type JsonObject } from "./json.ts";
import { isAnnotation, isForeign, isKnownTo } from "./keywords.ts";
import type { ArrayPart, Node, NumberPart, ObjectPart, Opaque, Parts, StringPart, TypeName } from "./node.ts";

/** Reads a schema's keywords. What is malformed becomes opaque: it is neither obeyed nor forgotten. */

type MakeNode = (schema: unknown, resource: Resource) => Node;
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A schema being read: each keyword is taken once, and what nobody took is opaque in the end. */
interface Reading {
  readonly schema: JsonObject;
  readonly resource: Resource;
  readonly dialect: number;
  readonly opaque: Opaque[];
  readonly taken: Set<string>;
  readonly node: (schema: unknown) => Node;
}

export function readParts(schema: JsonSchema, resource: Resource, make: MakeNode): Parts {
  if (typeof schema === "boolean") return schema ? {} : { never: true };
  const { dialect } = resource.document;
  const reading: Reading = {
    schema,
    resource,
    dialect,
    opaque: [],
    taken: new Set(),
    node: (child) => make(child, resource),
  };
  // Up to draft 7, whatever stands beside a $ref is to be ignored; some validators do not.
  if (dialect <= 7 && schema.$ref !== undefined) {
    const target = readReferences(reading, make);
    const beside = Object.entries(schema).filter(([keyword]) => !reading.taken.has(keyword) && !isAnnotation(keyword));
    const [first] = beside;
    if (first !== undefined) {
      const value = Object.fromEntries(beside);
      reading.opaque.push({ keyword: first[0], value, perhaps: make(value, resource) });
    }
    return { allOf: target, ...(reading.opaque.length > 0 && { opaque: reading.opaque }) };
  }
  const parts: Mutable<Parts> = {};
  const keywords = Object.keys(schema);
  const subjects = new Set(keywords.map((keyword) => subjectOf.get(keyword)));
  readTypes(reading, parts);
  if (subjects.has("logic")) readLogic(reading, parts, make);
  if (subjects.has("number")) set(parts, "number", readNumber(reading));
  if (subjects.has("string")) set(parts, "string", readString(reading));
  const format = take(reading, "format", isText);
  if (format !== undefined) parts.format = format;
  if (subjects.has("array")) set(parts, "array", readArray(reading));
  if (subjects.has("object")) set(parts, "object", readObject(reading));
  for (const keyword of keywords)
    if (!reading.taken.has(keyword) && !isAnnotation(keyword))
      reading.opaque.push({ keyword, value: schema[keyword], foreign: isForeign(keyword, dialect) });
  if (reading.opaque.length > 0) parts.opaque = reading.opaque;
  return parts;
}

/** Most schemas are of one subject: the others need not be asked. */
const subjectOf = new Map(
  Object.entries({
    logic: "enum const $ref $dynamicRef $recursiveRef allOf anyOf oneOf not if then else",
    number: "minimum maximum exclusiveMinimum exclusiveMaximum multipleOf",
    string: "minLength maxLength pattern",
    array:
      "items prefixItems additionalItems minItems maxItems uniqueItems contains minContains maxContains unevaluatedItems",
    object:
      "properties patternProperties additionalProperties propertyNames required minProperties maxProperties " +
      "unevaluatedProperties dependentRequired dependentSchemas dependencies",
  }).flatMap(([subject, keywords]) => keywords.split(" ").map((keyword) => [keyword, subject] as const)),
);

function set<Key extends keyof Parts>(parts: Mutable<Parts>, key: Key, value: Parts[Key] | undefined): void {
  if (value !== undefined) parts[key] = value;
}

/** A keyword's value where it is well formed and of this dialect; what is not is left for the opaque ones. */
function take<Value>(reading: Reading, keyword: string, fits: (value: unknown) => value is Value): Value | undefined {
  const value = reading.schema[keyword];
  if (value === undefined || !isKnownTo(keyword, reading.dialect) || !fits(value)) return;
  reading.taken.add(keyword);
  return value;
}

const isText = (value: unknown): value is string => typeof value === "string";
const isFlag = (value: unknown): value is boolean => typeof value === "boolean";
const isNumber = (value: unknown): value is number => Number.isFinite(value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isPositive = (value: unknown): value is number => isNumber(value) && value > 0;
const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);
const isSchema = (value: unknown): value is JsonSchema => typeof value === "boolean" || isObject(value);
const isSchemas = (value: unknown): value is readonly JsonSchema[] =>
  isList(value) && value.length > 0 && value.every(isSchema);
const isSchemaMap = (value: unknown): value is { readonly [key: string]: JsonSchema } =>
  isObject(value) && Object.values(value).every(isSchema);
const isAnything = (value: unknown): value is unknown => value !== undefined;

const typeNames = new Set<unknown>(["null", "boolean", "number", "string", "array", "object", "integer"]);

function readTypes(reading: Reading, parts: Mutable<Parts>): void {
  const one = take(reading, "type", (value): value is TypeName => typeNames.has(value));
  const several = take(
    reading,
    "type",
    (value): value is readonly TypeName[] =>
      isList(value) && value.length > 0 && value.every((name) => typeNames.has(name)),
  );
  if (one !== undefined) parts.types = new Set([one]);
  else if (several !== undefined) parts.types = new Set(several);
  if (take(reading, "nullable", isFlag) === true && parts.types !== undefined && !parts.types.has("null"))
    parts.nullable = true;
}

function readLogic(reading: Reading, parts: Mutable<Parts>, make: MakeNode): void {
  const values = take(reading, "enum", isList);
  const constant = take(reading, "const", isAnything);
  const all = [...readReferences(reading, make), ...(take(reading, "allOf", isSchemas) ?? []).map(reading.node)];
  if (values !== undefined) parts.values = values;
  if (constant !== undefined) {
    if (parts.values === undefined) parts.values = [constant];
    else all.push(reading.node({ const: constant }));
  }
  if (all.length > 0) parts.allOf = all;
  set(parts, "anyOf", take(reading, "anyOf", isSchemas)?.map(reading.node));
  set(parts, "oneOf", take(reading, "oneOf", isSchemas)?.map(reading.node));
  const not = take(reading, "not", isSchema);
  if (not !== undefined) parts.not = reading.node(not);
  const condition = take(reading, "if", isSchema);
  const then = take(reading, "then", isSchema);
  const otherwise = take(reading, "else", isSchema);
  if (condition !== undefined && (then !== undefined || otherwise !== undefined))
    parts.condition = {
      asked: reading.node(condition),
      ...(then !== undefined && { holding: reading.node(then) }),
      ...(otherwise !== undefined && { failing: reading.node(otherwise) }),
    };
}

function readReferences(reading: Reading, make: MakeNode): Node[] {
  const { schema, resource } = reading;
  const targets: Node[] = [];
  for (const keyword of ["$ref", "$dynamicRef", "$recursiveRef"]) {
    const reference = schema[keyword];
    if (reference === undefined) continue;
    reading.taken.add(keyword);
    const found = typeof reference === "string" ? resource.document.resolve(reference, resource) : undefined;
    // Elsewhere than to the document's own root, validators take a dynamic reference in different ways.
    const isPlain =
      keyword === "$ref" ||
      (found?.schema === resource.document.resource.root && resource.document.isStatic(String(reference)));
    const target = isPlain ? found : undefined;
    // A fresh symbol: two references to nowhere are never taken for the same, and a file beside this one changes with it.
    // With its dialect: what is elsewhere may name none of its own.
    const isElsewhere = keyword === "$ref" && isText(reference) && resource.document.isElsewhere(reference, resource);
    const value = isElsewhere ? [resource.document.dialect, reference] : Symbol(keyword);
    if (target === undefined) reading.opaque.push({ keyword, value });
    else targets.push(make(target.schema, target.resource));
  }
  return targets;
}

function readNumber(reading: Reading): NumberPart | undefined {
  const part: Mutable<NumberPart> = {};
  const min = take(reading, "minimum", isNumber);
  const max = take(reading, "maximum", isNumber);
  const above = take(reading, "exclusiveMinimum", isNumber);
  const below = take(reading, "exclusiveMaximum", isNumber);
  const multipleOf = take(reading, "multipleOf", isPositive);
  // Draft 4 wrote the exclusive bounds as booleans beside the bound.
  const minOpen = take(reading, "exclusiveMinimum", isFlag) ?? false;
  const maxOpen = take(reading, "exclusiveMaximum", isFlag) ?? false;
  if (min !== undefined) Object.assign(part, { min, minOpen });
  if (max !== undefined) Object.assign(part, { max, maxOpen });
  if (above !== undefined && (min === undefined || above >= min)) Object.assign(part, { min: above, minOpen: true });
  if (below !== undefined && (max === undefined || below <= max)) Object.assign(part, { max: below, maxOpen: true });
  if (multipleOf !== undefined) part.multipleOf = multipleOf;
  return isEmpty(part) ? undefined : part;
}

function readString(reading: Reading): StringPart | undefined {
  const part: Mutable<StringPart> = {};
  const minLength = take(reading, "minLength", isCount);
  const maxLength = take(reading, "maxLength", isCount);
  const pattern = take(reading, "pattern", isText);
  if (minLength !== undefined) part.minLength = minLength;
  if (maxLength !== undefined) part.maxLength = maxLength;
  if (pattern !== undefined) part.pattern = pattern;
  return isEmpty(part) ? undefined : part;
}

function readArray(reading: Reading): ArrayPart | undefined {
  const { schema } = reading;
  const part: Mutable<ArrayPart> = { prefix: [] };
  const rest = take(reading, "items", isSchema);
  const prefix = take(reading, "prefixItems", isSchemas);
  if (prefix !== undefined) part.prefix = prefix.map(reading.node);
  if (rest !== undefined) part.rest = reading.node(rest);
  if (isList(schema.items) && schema.prefixItems === undefined) {
    // A tuple as it was written up to 2019-09; Valibot and TypeBox still do.
    const tuple = take(
      reading,
      "items",
      (value): value is readonly JsonSchema[] => isList(value) && value.every(isSchema),
    );
    const others = take(reading, "additionalItems", isSchema);
    if (tuple !== undefined) part.prefix = tuple.map(reading.node);
    if (others !== undefined) part.rest = reading.node(others);
  } else reading.taken.add("additionalItems");
  const minItems = take(reading, "minItems", isCount);
  const maxItems = take(reading, "maxItems", isCount);
  const unique = take(reading, "uniqueItems", isFlag);
  const contains = take(reading, "contains", isSchema);
  const min = take(reading, "minContains", isCount);
  const max = take(reading, "maxContains", isCount);
  const unevaluated = take(reading, "unevaluatedItems", isSchema);
  if (minItems !== undefined) part.minItems = minItems;
  if (maxItems !== undefined) part.maxItems = maxItems;
  if (unique === true) part.unique = true;
  if (contains !== undefined)
    part.contains = { node: reading.node(contains), min: min ?? 1, ...(max !== undefined && { max }) };
  if (unevaluated !== undefined) part.unevaluated = reading.node(unevaluated);
  return Object.keys(part).length === 1 && part.prefix.length === 0 ? undefined : part;
}

function readObject(reading: Reading): ObjectPart | undefined {
  const properties = take(reading, "properties", isSchemaMap);
  const patterns = take(reading, "patternProperties", isSchemaMap);
  const additional = take(reading, "additionalProperties", isSchema);
  const names = take(reading, "propertyNames", isSchema);
  const required = take(reading, "required", isStrings);
  const minProperties = take(reading, "minProperties", isCount);
  const maxProperties = take(reading, "maxProperties", isCount);
  const unevaluated = take(reading, "unevaluatedProperties", isSchema);
  const dependencies = readDependencies(reading);
  // Draft 3 demanded a property from within: a reader may refuse what lacks it.
  for (const [key, property] of Object.entries(properties ?? {}))
    if (isObject(property) && property.required === true) reading.opaque.push({ keyword: "required", value: key });
  const part: Mutable<ObjectPart> = {
    properties: new Map(Object.entries(properties ?? {}).map(([key, schema]) => [key, reading.node(schema)])),
    // Who wants more properties than it describes has a use for others: a record, and nothing that could be closed.
    declares: properties !== undefined && (minProperties ?? 0) <= Object.keys(properties).length,
    patterns: Object.entries(patterns ?? {}).map(([source, schema]) => ({ source, node: reading.node(schema) })),
    required: [...new Set(required ?? [])],
    soft: (required ?? []).filter((key) => hasDefault(properties, key)),
    ...dependencies,
  };
  if (additional !== undefined) part.additional = reading.node(additional);
  if (names !== undefined) part.names = reading.node(names);
  if (minProperties !== undefined) part.minProperties = minProperties;
  if (maxProperties !== undefined) part.maxProperties = maxProperties;
  if (unevaluated !== undefined) part.unevaluated = reading.node(unevaluated);
  const says =
    part.declares ||
    part.patterns.length > 0 ||
    part.required.length > 0 ||
    part.dependentRequired.size > 0 ||
    part.dependentSchemas.size > 0 ||
    [additional, names, minProperties, maxProperties, unevaluated].some((value) => value !== undefined);
  return says ? part : undefined;
}

function hasDefault(properties: { readonly [key: string]: JsonSchema } | undefined, key: string): boolean {
  const property = properties !== undefined && Object.hasOwn(properties, key) ? properties[key] : undefined;
  return isObject(property) && property.default !== undefined;
}

function readDependencies(reading: Reading): Pick<ObjectPart, "dependentRequired" | "dependentSchemas"> {
  const dependentRequired = new Map<string, readonly string[]>();
  const dependentSchemas = new Map<string, Node>();
  const isListMap = (value: unknown): value is { readonly [key: string]: readonly string[] } =>
    isObject(value) && Object.values(value).every(isStrings);
  const isOldMap = (value: unknown): value is { readonly [key: string]: JsonSchema | readonly string[] } =>
    reading.dialect <= 7 && isObject(value) && Object.values(value).every((item) => isSchema(item) || isStrings(item));
  for (const [key, names] of Object.entries(take(reading, "dependentRequired", isListMap) ?? {}))
    dependentRequired.set(key, names);
  for (const [key, schema] of Object.entries(take(reading, "dependentSchemas", isSchemaMap) ?? {}))
    dependentSchemas.set(key, reading.node(schema));
  for (const [key, item] of Object.entries(take(reading, "dependencies", isOldMap) ?? {}))
    if (isStrings(item)) dependentRequired.set(key, item);
    else dependentSchemas.set(key, reading.node(item));
  return { dependentRequired, dependentSchemas };
}

function isEmpty(part: object): boolean {
  return Object.keys(part).length === 0;
}
