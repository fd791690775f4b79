import type { Database, RunStatement } from "./database.ts";
import { sql, statement } from "./statement.ts";

/**
 * Events that jobs wait for. Invariants:
 *
 * 1. Events of one name are numbered in the order of their commits: a lock of the name is held from the number to the commit.
 * 2. A job that comes to wait takes the same lock, so that it either finds the event or is found by it.
 */

// 1952543861 is the class of the locks of event names.
const lock = statement("event_lock", sql`select pg_advisory_xact_lock(1952543861, hashtext($1))::text`);

/** Until the transaction ends, nobody else writes an event of these names, or comes to wait for one. */
export async function lockEvents(run: RunStatement, events: readonly string[]): Promise<void> {
  for (const event of [...new Set(events)].sort()) await run(lock, [event]);
}

const insert = statement(
  "event_insert",
  sql`
  insert into taskmaster.event (call, name, revision, payload, older) values ($1, $2, $3::smallint, $4::json, $5::json)
  on conflict (call) do nothing
  `,
);

// A job that runs just now is left alone: it comes to its wait, and finds the event.
const wake = statement(
  "event_wake",
  sql`
  with waiting as (
    delete from taskmaster.event_wait where event = $1 returning job_id
  )
  update taskmaster.job set run_at = clock_timestamp()
  where id = any(array(select job_id from waiting)) and worker is null and run_at > clock_timestamp()
  returning id, lane
  `,
);

/** An event as it is written. */
export interface NewEvent {
  /** A UUID: written again, it is the same event. */
  readonly call: string;
  readonly name: string;
  readonly revision: number | null;
  /** JSON text. */
  readonly payload: string;
  readonly older: string | null;
}

/** Writes an event and makes the jobs that wait for it due, in the transaction that is open. Answers with them and their lanes. */
export async function writeEvent(
  run: RunStatement,
  { call, name, revision, payload, older }: NewEvent,
): Promise<{ id: string; lane: number }[]> {
  await lockEvents(run, [name]);
  await run(insert, [call, name, revision, payload, older]);
  return run(wake, [name]);
}

const find = statement(
  "event_find",
  sql`
  select id, revision, payload as value, older from taskmaster.event
  where name = $1 and id > $2::bigint and at >= $3::timestamptz
  order by name, id
  limit 1
  `,
);

/** An event as a job finds it. */
export interface FoundEvent {
  readonly id: string;
  readonly revision: number | null;
  /** JSON text. */
  readonly value: string;
  readonly older: string | null;
}

/** The first event of a name after another one, since a time. */
export async function findEvent(
  database: Database,
  name: string,
  after: string,
  since: string,
): Promise<FoundEvent | undefined> {
  const [found] = await database.query<FoundEvent>(find, [name, after, since]);
  return found;
}
