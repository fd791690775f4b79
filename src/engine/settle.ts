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
  const recorded = successes.filter((success) => success.recorded);
  const lost = await run<{ id: string }>(recorded.length > 0 ? succeedRecorded : succeed, [
    process,
    numberArray(successes.map(({ id }) => id)),
    numberArray(successes.map(({ delivery }) => delivery)),
    numberArray(successes.map(({ lane }) => lane)),
    numberArray(successes.map(({ failures }) => failures)),
    numberArray(successes.map(({ waitedMs }) => Math.min(waitedMs, mostMs))),
    numberArray(successes.map(({ ranMs }) => Math.min(ranMs, mostMs))),
    numberArray(successes.filter(({ keyed }) => keyed).map(({ id }) => id)),
    numberArray(batches),
    successes.every(({ delivery }) => delivery === 1),
    ...(recorded.length > 0 ? [numberArray(recorded.map(({ id }) => id))] : []),
  ]);
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

const retry = statement(
  "settle_retry",
  sql`
  with ended as materialized (
    select * from unnest($2::bigint[], $3::int[], $4::float8[], $5::text[], $6::text[], $7::text[], $8::text[])
      as ended (id, delivery, wait_ms, kind, name, message, stack)
  ), back as (
    update taskmaster.job
    set worker = null, started_at = null, failures = failures + 1, run_at = clock_timestamp() + ended.wait_ms * interval '1 ms'
    from ended
    where job.id = any($2::bigint[]) and job.id = ended.id and job.worker = $1 and job.deliveries = ended.delivery
    returning job.id
  ), noted as (
    insert into taskmaster.failure (job_id, delivery, process, kind, name, message, stack)
    select id, delivery, $1, kind, name, message, stack from ended join back using (id)
    on conflict (job_id, delivery, kind) do update set name = excluded.name, message = excluded.message, stack = excluded.stack
  ), trimmed as (
    -- the last five of each job are kept
    delete from taskmaster.failure using back
    where failure.job_id = back.id and failure.delivery <= (
      select delivery from taskmaster.failure as newer where newer.job_id = back.id order by delivery desc offset 4 limit 1
    )
  )
  select id from back
  `,
);

/** Gives failed attempts' jobs back for another try. */
export async function retryJobs(database: Database, process: number, retries: readonly Retry[]): Promise<Set<string>> {
  const rows = await database.query<{ id: string }>(retry, [
    process,
    retries.map(({ id }) => id),
    retries.map(({ delivery }) => delivery),
    retries.map(({ waitMs }) => waitMs),
    ...failureColumns(retries.map(({ failure }) => failure)),
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
  with ended as materialized (
    select * from unnest($2::bigint[], $3::int[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[])
      as ended (id, delivery, state, reason, detail, kind, name, message, stack)
  ), gone as (
    delete from taskmaster.job using ended
    where job.id = any($2::bigint[]) and job.id = ended.id and job.worker = $1 and job.deliveries = ended.delivery
    returning job.*
  ), keys as (
    -- a failed job frees its key; a held one keeps it, for it may still run
    select job_id, key from taskmaster.unique_key join gone on gone.id = unique_key.job_id where gone.keyed
  ), unkeyed as (
    delete from taskmaster.unique_key using gone join ended using (id)
    where unique_key.job_id = gone.id and ended.state = 'failed'
  ), kept as (
    insert into taskmaster.parked (id, state, reason, detail, process, lane, run_at, enqueued_at, deliveries, failures, crashes, interruptions, key, payload, older)
    select gone.id, ended.state, ended.reason, ended.detail, $1, gone.lane, gone.run_at, gone.enqueued_at, gone.deliveries,
      gone.failures + (ended.state = 'failed')::int, gone.crashes, gone.interruptions, keys.key, gone.payload, gone.older
    from gone join ended using (id) left join keys on keys.job_id = gone.id
  ), noted as (
    insert into taskmaster.failure (job_id, delivery, process, kind, name, message, stack)
    select ended.id, ended.delivery, $1, kind, name, message, stack from ended join gone using (id) where kind is not null
    on conflict (job_id, delivery, kind) do update set name = excluded.name, message = excluded.message, stack = excluded.stack
  )
  select id from gone
  `,
);

/** Takes jobs out of the queue as failed, or to hold them for a person. */
export async function parkJobs(database: Database, process: number, parks: readonly Park[]): Promise<Set<string>> {
  const rows = await database.query<{ id: string }>(park, [
    process,
    parks.map(({ id }) => id),
    parks.map(({ delivery }) => delivery),
    parks.map(({ state }) => state),
    parks.map(({ reason }) => reason),
    parks.map(({ detail }) => detail),
    ...failureColumns(parks.map(({ failure }) => failure)),
  ]);
  return new Set(rows.map(({ id }) => id));
}

function failureColumns(failures: readonly (FailureRecord | undefined)[]): unknown[] {
  return [
    failures.map((failure) => failure?.kind ?? null),
    failures.map((failure) => failure?.name ?? null),
    failures.map((failure) => failure?.message ?? null),
    failures.map((failure) => failure?.stack ?? null),
  ];
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
