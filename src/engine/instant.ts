/**
 * A moment as the database keeps it: whole microseconds since 1970-01-01 UTC. Exact as a number until the year 2255, and
 * cheaper to write and to read than any text.
 */
export type Instant = number;

/** As Postgres reads it, to the microsecond: `2026-01-01T00:00:00.000001Z`. */
export function toTimestamp(instant: Instant): string {
  const milliseconds = Math.floor(instant / 1_000);
  const rest = String(instant - milliseconds * 1_000).padStart(3, "0");
  return new Date(milliseconds).toISOString().replace("Z", `${rest}Z`);
}

/** To the millisecond before it. */
export function toDate(instant: Instant): Date {
  return new Date(Math.floor(instant / 1_000));
}
