import { jsonArray, numberArray, textArray } from "./arrays.ts";
import { type Database, type Queryable, type RunStatement, retrying } from "./database.ts";
import { isCertainlyUndone, isTransient } from "./database-errors.ts";
import { type Statement, sql, statement } from "./statement.ts";

/**
 * Writing jobs. Invariants:
 *
 * 1. What was acknowledged is committed, once: a repeated insert after a lost connection finds the jobs of the first one, by their numbers,
 *    waiting, parked or succeeded.
 * 2. A job is due at the earliest when it is written: a worker that looks back only to where it has come does not step over it.
 * 3. Keys are taken in sorted order, so that two batches never wait for each other.
 */

/** A job as it is written. */
export interface NewJob {
  readonly id: string;
  readonly lane: number;
  /** Null: now. */
  readonly runAt: Date | null;
  /** JSON text. */
  readonly payload: string;
  readonly older: string | null;
}

/** A job that shall be the only unfinished one of its task with this key. */
export interface KeyedJob extends NewJob {
  readonly task: string;
  readonly key: string;
}

// A notification takes a database-wide lock until its transaction has committed: it goes along only where no other transaction is
// doing the same, and $6 says that this process has been quiet. Otherwise it follows after the commit (wake.ts).
const insert = statement(
  "enqueue",
  sql`
  with written as (
    insert into taskmaster.job (id, lane, run_at, enqueued_at, payload, older)
    select id, lane, greatest(run_at, clock_timestamp()), clock_timestamp(), payload, nullif(older::text, 'null')::json
    from rows from (unnest($1::bigint[]), unnest($2::int[]), unnest($3::timestamptz[]), json_array_elements($4), json_array_elements($5))
      as new (id, lane, run_at, payload, older)
  )
  select pg_notify('taskmaster_job', $6)
  where $6::text is not null and pg_try_advisory_xact_lock(1952543859, 2)
  `,
);

// The same after a connection was lost on the way, when nobody knows whether the first try was committed.
const insertAgain = statement(
  "enqueue_again",
  sql`
  insert into taskmaster.job (id, lane, run_at, enqueued_at, payload, older)
  select id, lane, greatest(run_at, clock_timestamp()), clock_timestamp(), payload, nullif(older::text, 'null')::json
  from rows from (unnest($1::bigint[]), unnest($2::int[]), unnest($3::timestamptz[]), json_array_elements($4), json_array_elements($5))
      as new (id, lane, run_at, payload, older)
  where not exists (select from taskmaster.parked where parked.id = new.id)
    and not exists (
      select from taskmaster.succeeded where settled_at > now() - interval '1 hour' and new.id = any(succeeded.jobs)
    )
  on conflict (id) do nothing
  `,
);

const insertKeyed = statement(
  "enqueue_keyed",
  sql`
  with new as materialized (
    select *
    from rows from (
      unnest($1::bigint[]), unnest($2::int[]), unnest($3::timestamptz[]), json_array_elements($4), json_array_elements($5),
      unnest($6::text[]), unnest($7::text[])
    ) as new (id, lane, run_at, payload, older, task, key)
  ), taken as (
    insert into taskmaster.unique_key (task, key, job_id)
    select task, key, id from new order by task, key, id
    on conflict (task, key) do nothing
    returning job_id
  )
  insert into taskmaster.job (id, lane, run_at, enqueued_at, keyed, payload, older)
  select id, lane, greatest(run_at, clock_timestamp()), clock_timestamp(), true, payload, nullif(older::text, 'null')::json
  from new join taken on taken.job_id = new.id
  returning id::text
  `,
);

const keyOwners = statement(
  "enqueue_key_owners",
  sql`
  select wanted.n::int as n, unique_key.job_id::text as id
  from unnest($1::text[], $2::text[]) with ordinality as wanted (task, key, n)
  join taskmaster.unique_key using (task, key)
  `,
);

function columns(jobs: readonly NewJob[]): unknown[] {
  return [
    numberArray(jobs.map(({ id }) => id)),
    numberArray(jobs.map(({ lane }) => lane)),
    textArray(jobs.map(({ runAt }) => runAt?.toISOString() ?? null)),
    jsonArray(jobs.map(({ payload }) => payload)),
    jsonArray(jobs.map(({ older }) => older)),
  ];
}

/** The lanes of some jobs, as workers are notified of them. */
function lanesText(jobs: readonly NewJob[]): string {
  return [...new Set(jobs.map(({ lane }) => lane))].slice(0, 500).join(",");
}

/**
 * Writes jobs and commits them, through lost connections, for as long as `forMs`.
 *
 * @param notify whether the statement may notify the workers itself
 * @returns whether it did
 */
export async function enqueueJobs(
  database: Database,
  jobs: readonly NewJob[],
  { forMs, notify }: { readonly forMs: number; readonly notify: boolean },
): Promise<boolean> {
  const values = columns(jobs);
  let uncertain = false;
  return retrying(
    async () => {
      try {
        if (uncertain) await database.query(insertAgain, values);
        else return (await database.query(insert, [...values, notify ? lanesText(jobs) : null])).length > 0;
        return false;
      } catch (error) {
        uncertain ||= isTransient(error) && !isCertainlyUndone(error);
        throw error;
      }
    },
    { during: "an enqueue", forMs },
  );
}

/** What became of a keyed job: its own number, or that of the unfinished job which holds its key. */
export interface KeyedOutcome {
  readonly id: string;
  readonly duplicate: boolean;
}

/** Writes keyed jobs, except those whose key an unfinished job holds. */
export async function enqueueKeyed(run: RunStatement, jobs: readonly KeyedJob[]): Promise<KeyedOutcome[]> {
  const outcomes = new Map<KeyedJob, KeyedOutcome>();
  let open: readonly KeyedJob[] = jobs;
  while (open.length > 0) {
    const tasks = open.map(({ task }) => task);
    const keys = open.map(({ key }) => key);
    const written = new Set(
      (await run<{ id: string }>(insertKeyed, [...columns(open), tasks, keys])).map(({ id }) => id),
    );
    const owners = new Map(
      (await run<{ n: number; id: string }>(keyOwners, [tasks, keys])).map(({ n, id }) => [n - 1, id]),
    );
    const unresolved: KeyedJob[] = [];
    for (const [index, job] of open.entries()) {
      // After a lost connection the owner may be this very job, written by the try before.
      const owner = written.has(job.id) ? job.id : owners.get(index);
      if (owner === undefined)
        unresolved.push(job); // the owner has ended between the two statements: its key is free again
      else outcomes.set(job, { id: owner, duplicate: owner !== job.id });
    }
    open = unresolved;
  }
  return jobs.map((job) => outcomes.get(job) ?? { id: job.id, duplicate: false });
}

/** Writes jobs through a connection of the caller's, inside the transaction that it has open. */
export async function enqueueWithin(within: Queryable, jobs: readonly NewJob[]): Promise<void> {
  // Where another transaction is notifying, the workers' polling finds these jobs.
  await within.query(insert.text, [...columns(jobs), lanesText(jobs)]);
}

/** `enqueueKeyed` on a connection of the caller's. */
export function runWithin(within: Queryable): RunStatement {
  return async <Row>({ text }: Statement, values: readonly unknown[] = []) =>
    (await within.query(text, values as unknown[])).rows as Row[];
}
