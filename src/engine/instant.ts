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

/** Postgres counts from 2000-01-01 UTC. */
const postgresEpoch: Instant = Date.UTC(2000, 0) * 1_000;
/** An array without nulls, as Postgres sends it: five numbers of four bytes, then each value behind a number of four bytes, its length. */
const arrayHeader = 20;
const valueHeader = 4;
const timestamp = 8;

/** Reads `encode(array_send(…), 'base64')` of a `timestamptz[]` without nulls: neither side makes a text of a time, or reads one. */
export function readInstants(text: string): Float64Array {
  const bytes = Buffer.from(text, "base64");
  const every = valueHeader + timestamp;
  const instants = new Float64Array((bytes.length - arrayHeader) / every);
  for (let place = 0, at = arrayHeader + valueHeader; place < instants.length; place++, at += every)
    instants[place] = bytes.readInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4) + postgresEpoch;
  return instants;
}
