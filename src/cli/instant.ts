/** A time as ISO 8601 writes it. Without a zone it is one of the reader's, also where only a day is given, which `Date` takes for UTC's. `Invalid Date` where it is none. */
export function toInstant(text: string): Date {
  if (!/^\d{4}-\d\d-\d\d/.test(text)) return new Date(Number.NaN); // `Date` reads "5" as a month of 2001
  return new Date(text.length === "2026-12-01".length ? `${text}T00:00` : text);
}
