/**
 * Array parameters as the text that Postgres reads. The driver would escape every element by itself, which for a batch of a
 * thousand jobs costs more than all the rest of it.
 */

/** Numbers, and job numbers, which are digits as text. */
export function numberArray(values: readonly (number | string)[]): string {
  return `{${values.join(",")}}`;
}

/** Texts; null stays null. */
export function textArray(values: readonly (string | null)[]): string {
  return `{${values.map((value) => (value === null ? "NULL" : `"${/["\\]/.test(value) ? value.replace(/["\\]/g, "\\$&") : value}"`)).join(",")}}`;
}

/** Between JSON texts, here and in what a claim brings: `chr(31)` in Postgres. JSON has it nowhere, unescaped. */
export const betweenTexts = "\x1f";

/**
 * JSON texts as one, which Postgres takes apart with `string_to_array`: cheaper on both sides than an
 * array of texts, and than a JSON array, which Postgres would read twice. Null is an empty text.
 */
export function jsonTexts(texts: readonly (string | null)[]): string {
  return texts.join(betweenTexts);
}
