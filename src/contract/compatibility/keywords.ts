/** What is known of JSON Schema's keywords, by dialect. */

/** Of the specification, in all its dialects since the fourth, and OpenAPI's `nullable`. */
const specified = (
  "type format nullable enum const $ref $dynamicRef $recursiveRef allOf anyOf oneOf not if then else " +
  "minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength pattern " +
  "items prefixItems additionalItems minItems maxItems uniqueItems contains minContains maxContains unevaluatedItems " +
  "properties patternProperties additionalProperties propertyNames required minProperties maxProperties " +
  "unevaluatedProperties dependentRequired dependentSchemas dependencies"
).split(" ");

/** Of drafts before the fourth, and `$merge` and `$patch`, which say what schema is meant. */
const former =
  "extends disallow divisibleBy requires optional maxDecimal minimumCanEqual maximumCanEqual $merge $patch".split(" ");

const ofPlugins = (
  "propertyDependencies instanceof typeof range exclusiveRange regexp uniqueItemProperties allRequired anyRequired oneRequired " +
  "patternRequired prohibited deepProperties deepRequired dynamicDefaults select selectCases selectDefault transform " +
  "formatMinimum formatMaximum formatExclusiveMinimum formatExclusiveMaximum"
).split(" ");

/**
 * They may refuse a value: the keywords of all dialects, and those of the vocabularies that plugins of validators add (ajv-keywords, ajv-formats,
 * ajv-merge-patch). Whatever is not among them is an annotation, as the specification says of keywords that nobody knows (2020-12, 4.3.1 and 6.5):
 * it says nothing of which values are valid. `default` is looked at on its own.
 */
const assertions = new Set([...specified, ...former, ...ofPlugins]);
const plugins = new Set(ofPlugins);

/** Whether a keyword refuses nothing by the specification of a dialect, and may do so all the same in validators that know it. */
export function isForeign(keyword: string, dialect: number): boolean {
  return plugins.has(keyword) || !isKnownTo(keyword, dialect);
}

export function isAnnotation(keyword: string): boolean {
  return !assertions.has(keyword);
}

/** The first dialect in which a keyword has its meaning; 3 to 7 are the drafts, then the years. */
const since = new Map<string, number>([
  ...["const", "contains", "propertyNames"].map((keyword) => [keyword, 6] as const),
  ...["if", "then", "else"].map((keyword) => [keyword, 7] as const),
  ...["minContains", "maxContains", "dependentRequired", "dependentSchemas"].map((keyword) => [keyword, 2019] as const),
  ...["unevaluatedProperties", "unevaluatedItems"].map((keyword) => [keyword, 2019] as const),
  ["prefixItems", 2020],
]);

export function isKnownTo(keyword: string, dialect: number): boolean {
  return (since.get(keyword) ?? 0) <= dialect;
}

/** The dialect that `$schema` names; what names none, or one we do not know, is read as 2020-12. */
export function dialectOf(schema: unknown): number {
  if (typeof schema !== "string") return 2020;
  const draft = /json-schema\.org\/draft-0?(\d+)\//.exec(schema)?.[1];
  if (draft !== undefined) return Number(draft);
  return /json-schema\.org\/draft\/2019-09\//.test(schema) ? 2019 : 2020;
}

/** Keywords whose value maps names to schemas. */
export const mapKeywords = new Set([
  "properties",
  "patternProperties",
  "dependentSchemas",
  "$defs",
  "definitions",
  "dependencies",
]);

/** Keywords whose value is a schema, or a list of schemas. */
export const schemaKeywords = new Set(
  (
    "items additionalItems prefixItems contains unevaluatedItems additionalProperties propertyNames unevaluatedProperties " +
    "allOf anyOf oneOf not if then else"
  ).split(" "),
);

/** Keywords that hold plain values, in which nothing is an annotation. */
export const valueKeywords = new Set(["enum", "const", "default"]);

/** They decide where references lead. */
export const addresses = new Set([
  "$id",
  "id",
  "$anchor",
  "$dynamicAnchor",
  "$recursiveAnchor",
  "$defs",
  "definitions",
  "default",
]);
