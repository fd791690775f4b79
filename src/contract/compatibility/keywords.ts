/** What is known of JSON Schema's keywords, by dialect. A keyword that is not in these tables can never be judged. */

/** They say nothing of which values are valid. `default` is looked at on its own. */
const annotations = new Set(
  (
    "$schema $id id $anchor $comment $defs definitions $vocabulary $dynamicAnchor $recursiveAnchor " +
    "title description default example examples deprecated readOnly writeOnly " +
    "contentEncoding contentMediaType contentSchema xml externalDocs markdownDescription enumDescriptions " +
    "discriminator markdownEnumDescriptions defaultSnippets tsType tsEnumNames enumNames errorMessage propertyOrder " +
    "deprecationMessage patternErrorMessage suggestSortText doNotSuggest allowComments allowTrailingCommas " +
    "preferredOrder enumItemLabels fileMatch scope version name meta " +
    "javaType existingJavaType javaName javaInterfaces links"
  ).split(" "),
);

export function isAnnotation(keyword: string): boolean {
  // A name of a vendor's own, such as "connect.type" or "meta:enum".
  return annotations.has(keyword) || keyword.startsWith("x-") || /^[\w-]+[.:]/.test(keyword);
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
