/** A JSON Schema, draft 2020-12: `true` takes everything, `false` nothing. */
export type JsonSchema = boolean | { readonly [keyword: string]: unknown };
