/** What is known of JSON Schema's keywords, by dialect. A keyword that is not in these tables can never be judged. */

/** They say nothing of which values are valid. `default` is looked at on its own. */
const annotations = new Set(
  (
    "$schema $id id $anchor $comment $defs definitions $vocabulary $dynamicAnchor $recursiveAnchor " +
    "title description default example examples deprecated readOnly writeOnly " +
    "contentEncoding contentMediaType contentSchema xml externalDocs markdownDescription enumDescriptions " +
    "markdownEnumDescriptions defaultSnippets tsType tsEnumNames enumNames errorMessage propertyOrder"
  ).split(" "),
);

export function isAnnotation(keyword: string): boolean {
  return annotations.has(keyword) || keyword.startsWith("x-");
}

/** The first dialect in which a keyword has its meaning; 3 to 7 are the drafts, then the years. */
const since: { readonly [keyword: string]: number } = {
  const: 6,
  contains: 6,
  propertyNames: 6,
  if: 7,
  then: 7,
  else: 7,
  minContains: 2019,
  maxContains: 2019,
  dependentRequired: 2019,
  dependentSchemas: 2019,
  unevaluatedProperties: 2019,
  unevaluatedItems: 2019,
  prefixItems: 2020,
};

export function isKnownTo(keyword: string, dialect: number): boolean {
  return (Object.hasOwn(since, keyword) ? (since[keyword] ?? 0) : 0) <= dialect;
}

/** The dialect that `$schema` names; what names none, or one we do not know, is read as 2020-12. */
export function dialectOf(schema: unknown): number {
  if (typeof schema !== "string") return 2020;
  const draft = /json-schema\.org\/draft-0?(\d+)\//.exec(schema)?.[1];
  if (draft !== undefined) return Number(draft);
  return /json-schema\.org\/draft\/2019-09\//.test(schema) ? 2019 : 2020;
}
