import { numberArray } from "./arrays.ts";
import type { Database, RunStatement } from "./database.ts";
import { sql, statement } from "./statement.ts";

/**
 * Ending attempts, in batches. Every statement is fenced by (job, process, delivery): what does not come back has been claimed
 * again by someone else, and this process has lost it. Repeating a statement after a lost connection settles nothing twice.
 */

interface Settlement {
  readonly id: string;
  readonly delivery: number;
}

export interface Success extends Settlement {
  readonly lane: number;
  readonly failures: number;
  readonly keyed: boolean;
  readonly waitedMs: number;
  readonly ranMs: number;
  /** Whether there may be checkpoints of it. */
  readonly recorded: boolean;
}

// The planner knows neither how long the arrays are nor, on a queue, how long the table is. So nothing here is a join: jobs are found by
// their numbers, and what belongs together is looked up in hashed subplans, which `case` keeps from being turned into joins.
//
// Nearly always every job is in its first delivery and still this process's. Then the fence is one comparison, and the history takes the arrays
// as they came: `ended` and its subplans are not looked at.
const succeedText = sql`
  with ended as materialized (
    select * from unnest($2::bigint[], $3::int[], $4::int[], $5::smallint[], $6::int[], $7::int[])
      as ended (id, delivery, lane, failures, waited_ms, ran_ms)
  ), gone as materialized (
    delete from taskmaster.job
    where id = any($2::bigint[]) and worker = $1
      and case when $10::boolean then deliveries = 1 else (id, deliveries) in (select id, delivery from ended) end
    returning id
  ), tally as materialized (
    select count(*) = cardinality($2::bigint[]) as whole from gone
  ), history as (
    insert into taskmaster.succeeded (process, jobs, lanes, failures, waited_ms, ran_ms)
    select $1::int, $2::bigint[], $4::int[], $5::smallint[], $6::int[], $7::int[]
    where (select whole from tally) and cardinality($2::bigint[]) > 0
    union all
    select $1::int, array_agg(id), array_agg(lane), array_agg(failures), array_agg(waited_ms), array_agg(ran_ms)
    from ended
    where not (select whole from tally) and case when id in (select id from gone) then true end
    having count(*) > 0
  ), unkeyed as (
    delete from taskmaster.unique_key
    where job_id = any($8::bigint[]) and case when job_id in (select id from gone) then true end
  ), freed as (
    delete from taskmaster.claim where worker = $1 and batch = any($9::int[])
  )
`;

const notSettled = sql`
  select id from ended
  where not (select whole from tally) and case when id in (select id from gone) then false else true end -- nearly always none
`;

const succeed = statement("settle_succeed", `${succeedText} ${notSettled}`);

const succeedRecorded = statement(
  "settle_succeed_recorded",
  `${succeedText}, ${sql`
  forgotten as (
    delete from taskmaster.checkpoint
    where job_id = any($11::bigint[]) and case when job_id in (select id from gone) then true end
  ), unwaited as (
    delete from taskmaster.event_wait
    where job_id = any($11::bigint[]) and case when job_id in (select id from gone) then true end
  )
  `} ${notSettled}`,
);

/** What the history's columns hold: 24 days. */
const mostMs = 2_147_483_647;

/** Settles jobs as succeeded. Answers with those that were no longer this process's. `batches` are claims of which nothing is left. */
export function succeedJobs(
  database: Database,
  process: number,
  successes: readonly Success[],
  batches: readonly number[],
): Promise<string[]> {
  return succeedWithin((statement, values) => database.query(statement, values), process, successes, batches);
}

/** `succeedJobs`, wherever it runs. */
export async function succeedWithin(
  run: RunStatement,
  process: number,
  successes: readonly Success[],
  batches: readonly number[],
): Promise<string[]> {
  // One loop, not one for each column: it is among the first things that a worker's compiler spends its time on.
  const ids: string[] = [];
  const deliveries: number[] = [];
  const lanes: number[] = [];
  const failures: number[] = [];
  const waitedMs: number[] = [];
  const ranMs: number[] = [];
  const keyed: string[] = [];
  const recorded: string[] = [];
  let areFirst = true;
  for (const success of successes) {
    ids.push(success.id);
    deliveries.push(success.delivery);
    lanes.push(success.lane);
    failures.push(success.failures);
    waitedMs.push(Math.min(success.waitedMs, mostMs));
    ranMs.push(Math.min(success.ranMs, mostMs));
    if (success.keyed) keyed.push(success.id);
    if (success.recorded) recorded.push(success.id);
    areFirst &&= success.delivery === 1;
  }
  const columns = [ids, deliveries, lanes, failures, waitedMs, ranMs, keyed, batches].map(numberArray);
  const values = [process, ...columns, areFirst];
  const lost = await (recorded.length > 0
    ? run<{ id: string }>(succeedRecorded, [...values, numberArray(recorded)])
    : run<{ id: string }>(succeed, values));
  return lost.map(({ id }) => id);
}

/** What went wrong in an attempt, cut to size. */
export interface FailureRecord {
  readonly kind: "error" | "overrun" | "crash";
  readonly name: string;
  /** 2 kB at most. */
  readonly message: string;
  /** 8 kB at most. */
  readonly stack: string | null;
}

export interface Retry extends Settlement {
  readonly waitMs: number;
  readonly failure: FailureRecord;
}

// What is written of each job is looked up by its number in one JSON object: the planner would take a join of the jobs with as many rows for a join
// of one row with ten, and compare each with each.
const retry = statement(
  "settle_retry",
  sql`
  with back as materialized (
    update taskmaster.job
    set worker = null, started_at = null, failures = failures + 1,
      run_at = clock_timestamp() + ($3::jsonb -> id::text ->> 'waitMs')::float8 * interval '1 ms'
    where id = any($2::bigint[]) and worker = $1 and deliveries = ($3::jsonb -> id::text ->> 'delivery')::int
    returning id, deliveries
  ), noted as (
    insert into taskmaster.failure (job_id, delivery, process, kind, name, message, stack)
    select back.id, back.deliveries, $1, failure.kind, failure.name, failure.message, failure.stack
    from back
    cross join lateral jsonb_to_record($3::jsonb -> back.id::text -> 'failure') as failure (kind text, name text, message text, stack text)
    on conflict (job_id, delivery, kind) do update set name = excluded.name, message = excluded.message, stack = excluded.stack
  ), trimmed as (
    -- the last five of each job are kept, of which this statement sees four
    delete from taskmaster.failure
    where ctid = any(array(
      select old.at
      from back cross join lateral (select ctid as at from taskmaster.failure where job_id = back.id order by delivery desc, kind offset 4) as old
    ))
  )
  select id from back
  `,
);

/** Gives failed attempts' jobs back for another try. */
export async function retryJobs(database: Database, process: number, retries: readonly Retry[]): Promise<Set<string>> {
  const rows = await database.query<{ id: string }>(retry, [
    process,
    numberArray(retries.map(({ id }) => id)),
    byNumber(retries, ({ delivery, waitMs, failure }) => ({ delivery, waitMs, failure })),
  ]);
  return new Set(rows.map(({ id }) => id));
}

export interface Park extends Settlement {
  readonly state: "failed" | "held";
  readonly reason: string;
  readonly detail: string;
  /** Absent where nothing was thrown, such as for a payload that cannot be read. */
  readonly failure?: FailureRecord;
}

const park = statement(
  "settle_park",
  sql`
  with gone as materialized (
    delete from taskmaster.job
    where id = any($2::bigint[]) and worker = $1 and deliveries = ($3::jsonb -> id::text ->> 'delivery')::int
    returning *
  ), unkeyed as (
    -- a failed job frees its key; a held one keeps it, for it may still run
    delete from taskmaster.unique_key
    where job_id = any(array(select id from gone where keyed and $3::jsonb -> id::text ->> 'state' = 'failed'))
  ), kept as (
    insert into taskmaster.parked (id, state, reason, detail, process, lane, run_at, enqueued_at, deliveries, failures, crashes, interruptions, key, payload, older)
    select gone.id, ended.state, ended.reason, ended.detail, $1, gone.lane, gone.run_at, gone.enqueued_at, gone.deliveries,
      gone.failures + (ended.state = 'failed')::int, gone.crashes, gone.interruptions,
      case when gone.keyed then (select key from taskmaster.unique_key where job_id = gone.id) end, gone.payload, gone.older
    from gone cross join lateral jsonb_to_record($3::jsonb -> gone.id::text) as ended (state text, reason text, detail text)
  ), noted as (
    insert into taskmaster.failure (job_id, delivery, process, kind, name, message, stack)
    select gone.id, gone.deliveries, $1, failure.kind, failure.name, failure.message, failure.stack
    from gone
    cross join lateral jsonb_to_record($3::jsonb -> gone.id::text -> 'failure') as failure (kind text, name text, message text, stack text)
    where failure.kind is not null
    on conflict (job_id, delivery, kind) do update set name = excluded.name, message = excluded.message, stack = excluded.stack
  )
  select id from gone
  `,
);

/** Takes jobs out of the queue as failed, or to hold them for a person. */
export async function parkJobs(database: Database, process: number, parks: readonly Park[]): Promise<Set<string>> {
  const rows = await database.query<{ id: string }>(park, [
    process,
    numberArray(parks.map(({ id }) => id)),
    byNumber(parks, ({ id, ...ended }) => ended),
  ]);
  return new Set(rows.map(({ id }) => id));
}

/** A JSON object of what is written of each job, by its number. The database takes neither NUL nor half of a surrogate pair. */
function byNumber<One extends Settlement>(ended: readonly One[], written: (one: One) => object): string {
  return JSON.stringify(Object.fromEntries(ended.map((one) => [one.id, written(one)])), (_, value: unknown) =>
    typeof value === "string" ? value.replaceAll("\0", "\\0").toWellFormed() : value,
  );
}

const noteOverrun = statement(
  "settle_note_overrun",
  sql`
  insert into taskmaster.failure (job_id, delivery, process, kind, name, message)
  select $2::bigint, $3::int, $1, 'overrun', 'TimeLimitError', $4 
  where exists (select from taskmaster.job where id = $2::bigint and worker = $1 and deliveries = $3)
  on conflict do nothing
  `,
);

/** Records that an attempt has passed its time limit, while it may still run. */
export async function recordOverrun(
  database: Database,
  process: number,
  { id, delivery }: Settlement,
  message: string,
): Promise<void> {
  await database.query(noteOverrun, [process, id, delivery, message]);
}
