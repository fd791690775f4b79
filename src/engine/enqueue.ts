import { jsonTexts, numberArray, textArray } from "./arrays.ts";
import { copyRows } from "./copy.ts";
import { type Database, type RunStatement, retrying } from "./database.ts";
import { isCertainlyUndone, isTransient } from "./database-errors.ts";
import type { Queryable } from "./queryable.ts";
import { type Statement, sql, statement } from "./statement.ts";
import { toText, wakeUpsFor } from "./wake-ups.ts";

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
    select id, lane, greatest(run_at, clock_timestamp()), clock_timestamp(), payload::json, nullif(older, '')::json
    from (
      -- in the select list, because what a function in "from" answers is stored before it is read
      select unnest($1::bigint[]) as id, unnest($2::int[]) as lane, unnest($3::timestamptz[]) as run_at,
        unnest(string_to_array($4, chr(31))) as payload, unnest(string_to_array($5, chr(31))) as older
    ) as new
  )
  select pg_notify('taskmaster_job', $6)::text as told -- as text, because not every library can read nothing
  where $6::text is not null and pg_try_advisory_xact_lock(1952543859, 2)
  `,
);

// The same for one job.
const insertOne = statement(
  "enqueue_one",
  sql`
  with written as (
    insert into taskmaster.job (id, lane, run_at, enqueued_at, payload, older)
    values ($1::bigint, $2::int, greatest($3::timestamptz, clock_timestamp()), clock_timestamp(), $4::text::json, $5::text::json)
  )
  select pg_notify('taskmaster_job', $6)::text
  where $6::text is not null and pg_try_advisory_xact_lock(1952543859, 2)
  `,
);

// The same in a transaction of the caller's, where nothing is prepared: the function's plan is kept for the connection.
const insertOneWithin = statement(
  "enqueue_one_within",
  sql`select taskmaster.enqueue_one($1::bigint, $2::int, $3::timestamptz, $4::text, $5::text, $6::text) as told`,
);

// The same after a connection was lost on the way, when nobody knows whether the first try was committed.
const insertAgain = statement(
  "enqueue_again",
  sql`
  insert into taskmaster.job (id, lane, run_at, enqueued_at, payload, older)
  select id, lane, greatest(run_at, clock_timestamp()), clock_timestamp(), payload::json, nullif(older, '')::json
  from (
    select unnest($1::bigint[]) as id, unnest($2::int[]) as lane, unnest($3::timestamptz[]) as run_at,
      unnest(string_to_array($4, chr(31))) as payload, unnest(string_to_array($5, chr(31))) as older
  ) as new
  on conflict (id) do nothing
  `,
);

// Takes back what the same transaction has written of jobs that have ended already. A statement of its own, because it must see the
// settlement that the insert may have waited for. Only what was settled since the first try is looked through: $2 says how long ago it was.
const undoEnded = statement(
  "enqueue_undo_ended",
  sql`
  with ended as materialized (
    select id from taskmaster.parked where id = any($1::bigint[])
    union all
    select id from taskmaster.succeeded cross join unnest(succeeded.jobs) as id
    where settled_at > now() - $2::float8 * interval '1 ms' and id in (select unnest($1::bigint[]))
  ), undone as (
    delete from taskmaster.job where id = any(array(select id from ended)) and xmin = pg_current_xact_id()::xid
    returning id, keyed
  ), unkeyed as (
    delete from taskmaster.unique_key where job_id = any(array(select id from undone where keyed))
  )
  select id::text from ended
  `,
);

// The history is found by the range of its time alone.
const openHistory = statement("enqueue_open_history", sql`select set_config('enable_bitmapscan', 'on', true)`);

const insertKeyed = statement(
  "enqueue_keyed",
  sql`
  with new as materialized (
    select unnest($1::bigint[]) as id, unnest($2::int[]) as lane, unnest($3::timestamptz[]) as run_at,
      unnest(string_to_array($4, chr(31))) as payload, unnest(string_to_array($5, chr(31))) as older,
      unnest($6::text[]) as task, unnest($7::text[]) as key
  ), taken as (
    insert into taskmaster.unique_key (task, key, job_id)
    select task, key, id from new order by task, key, id
    on conflict (task, key) do nothing
    returning job_id
  )
  insert into taskmaster.job (id, lane, run_at, enqueued_at, keyed, payload, older)
  select id, lane, greatest(run_at, clock_timestamp()), clock_timestamp(), true, payload::json, nullif(older, '')::json
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

/** Times and older renditions are left out where no job has one, as in nearly every batch: what a column is short of is null. */
function columns(jobs: readonly NewJob[]): unknown[] {
  const timed = jobs.some(({ runAt }) => runAt !== null);
  const translated = jobs.some(({ older }) => older !== null);
  return [
    numberArray(jobs.map(({ id }) => id)),
    numberArray(jobs.map(({ lane }) => lane)),
    timed ? textArray(jobs.map(({ runAt }) => runAt?.toISOString() ?? null)) : "{}",
    jsonTexts(jobs.map(({ payload }) => payload)),
    translated ? jsonTexts(jobs.map(({ older }) => older)) : "",
  ];
}

/** The statement that writes some jobs, and its values. `one` is that for a single job. */
function writing(jobs: readonly NewJob[], notify: boolean, one = insertOne): [Statement, unknown[]] {
  const [job] = jobs;
  const wakeUps = notify ? toText(wakeUpsFor(jobs)) : null;
  if (job === undefined || jobs.length > 1) return [insert, [...columns(jobs), wakeUps]];
  return [one, [job.id, job.lane, job.runAt?.toISOString() ?? null, job.payload, job.older, wakeUps]];
}

/** From so many jobs on they are copied: with fewer the time goes into the round trip and the commit, and an insert can notify the workers itself. */
const copiedFrom = 500;

/** The times of what is copied are those of its transaction, by the table's defaults. */
const copyJobs = sql`copy taskmaster.job (id, lane, payload, older) from stdin with (null '')`;

function isCopied(jobs: readonly NewJob[]): boolean {
  return jobs.length >= copiedFrom && jobs.every(({ runAt }) => runAt === null);
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
  return once(jobs, forMs, database, {
    first: firstTry(database, jobs, notify),
    again: async (run) => {
      await run(insertAgain, columns(jobs));
      return () => false;
    },
  });
}

/** Writes jobs and commits them, and answers whether the workers were notified along with it. */
function firstTry(
  database: Database,
  jobs: readonly NewJob[],
  notify: boolean,
): (timeoutMs: number) => Promise<boolean> {
  if (isCopied(jobs)) {
    const rows = copyRows(jobs.map(({ id, lane, payload, older }) => `${id}\t${lane}\t${payload}\t${older ?? ""}\n`));
    return async (timeoutMs) => {
      await database.copy(copyJobs, rows, { timeoutMs });
      return false;
    };
  }
  const [insertion, values] = writing(jobs, notify);
  return async (timeoutMs) => (await database.query(insertion, values, { timeoutMs })).length > 0;
}

/** The two ways to write jobs. */
interface Writing<T> {
  readonly first: (timeoutMs: number) => Promise<T>;
  /** Within a transaction, where an earlier try may have written them; answers in the end, when it is known which of them have ended since. */
  readonly again: (run: RunStatement) => Promise<(ended: ReadonlySet<string>) => T>;
}

/** Tries until the jobs are written, and makes sure that they are written once. */
function once<T>(jobs: readonly NewJob[], forMs: number, database: Database, { first, again }: Writing<T>): Promise<T> {
  const since = performance.now();
  let uncertain = false;
  return retrying(
    async (timeoutMs) => {
      try {
        if (!uncertain) return await first(timeoutMs);
        return await database.transaction(
          async ({ run }) => {
            const answer = await again(run);
            await run(openHistory);
            const sinceMs = performance.now() - since + clockMarginMs;
            const ended = await run<{ id: string }>(undoEnded, [numberArray(jobs.map(({ id }) => id)), sinceMs]);
            return answer(new Set(ended.map(({ id }) => id)));
          },
          { timeoutMs },
        );
      } catch (error) {
        uncertain ||= isTransient(error) && !isCertainlyUndone(error);
        throw error;
      }
    },
    { during: "an enqueue", forMs },
  );
}

/** Between our clock and the database's, as they run while an enqueue is repeated. */
const clockMarginMs = 60_000;

/** What became of a keyed job: its own number, or that of the unfinished job which holds its key. */
export interface KeyedOutcome {
  readonly id: string;
  readonly duplicate: boolean;
}

/** Writes keyed jobs and commits them, except those whose key an unfinished job holds; through lost connections, for as long as `forMs`. */
export function enqueueKeyedJobs(
  database: Database,
  jobs: readonly KeyedJob[],
  { forMs }: { readonly forMs: number },
): Promise<KeyedOutcome[]> {
  return once(jobs, forMs, database, {
    first: (timeoutMs) => enqueueKeyed((statement, values) => database.query(statement, values, { timeoutMs }), jobs),
    again: async (run) => {
      const outcomes = await enqueueKeyed(run, jobs);
      // What has ended was written by an earlier try, whoever holds its key now.
      return (ended) =>
        jobs.map((job, index) =>
          ended.has(job.id) ? { id: job.id, duplicate: false } : (outcomes[index] ?? { id: job.id, duplicate: false }),
        );
    },
  });
}

/** Writes keyed jobs, except those whose key an unfinished job holds. */
export async function enqueueKeyed(run: RunStatement, jobs: readonly KeyedJob[]): Promise<KeyedOutcome[]> {
  const outcomes = new Map<KeyedJob, KeyedOutcome>();
  let open: readonly KeyedJob[] = jobs;
  while (open.length > 0) {
    const tasks = textArray(open.map(({ task }) => task));
    const keys = textArray(open.map(({ key }) => key));
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

/**
 * Writes jobs through a connection of the caller's, inside the transaction that it has open.
 *
 * @returns whether workers are notified with its commit; not so where another transaction is about to notify them
 */
export async function enqueueWithin(within: Queryable, jobs: readonly NewJob[]): Promise<boolean> {
  const [{ text }, values] = writing(jobs, true, insertOneWithin);
  const { rows } = await within.query(text, values);
  return (rows as { readonly told: string | null }[]).some(({ told }) => told !== null);
}

/** Writes jobs inside a transaction, and leaves the notification to the caller. */
export async function insertJobs(run: RunStatement, jobs: readonly NewJob[]): Promise<void> {
  await run(...writing(jobs, false));
}
