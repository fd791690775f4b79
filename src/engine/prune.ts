import type { Database } from "./database.ts";
import { sql, statement } from "./statement.ts";

/**
 * Forgetting what is over: history, processes that are long gone, ticks. Never a job that has not succeeded. Each statement removes a
 * bounded number of rows, so that none of them holds anything up.
 */
const succeeded = statement(
  "prune_succeeded",
  sql`
  delete from taskmaster.succeeded
  where ctid = any(array(
    select ctid from taskmaster.succeeded where settled_at < now() - $1::float8 * interval '1 ms' limit 1000
  ))
  `,
);

// Failures of jobs that are still there stay with them.
const failures = statement(
  "prune_failures",
  sql`
  delete from taskmaster.failure
  where ctid = any(array(
    select failure.ctid from taskmaster.failure
    where failure.at < now() - $1::float8 * interval '1 ms'
      and not exists (select from taskmaster.job where job.id = failure.job_id)
      and not exists (select from taskmaster.parked where parked.id = failure.job_id)
    limit 1000
  ))
  `,
);

const processes = statement(
  "prune_processes",
  sql`
  with gone as (
    delete from taskmaster.process
    where coalesce(stopped_at, died_at) < now() - $1::float8 * interval '1 ms'
      and not exists (select from taskmaster.claim where claim.worker = process.id)
    returning id
  )
  delete from taskmaster.process_task using gone where process_task.process = gone.id
  `,
);

const ticks = statement(
  "prune_ticks",
  sql`delete from taskmaster.schedule_tick where fired_at < now() - $1::float8 * interval '1 ms'`,
);

// Links of jobs that are still there stay with them.
const links = statement(
  "prune_links",
  sql`
  delete from taskmaster.chain_link
  where ctid = any(array(
    select link.ctid from taskmaster.chain_link as link
    where link.at < now() - $1::float8 * interval '1 ms'
      and not exists (select from taskmaster.job where job.id = link.job_id)
      and not exists (select from taskmaster.parked where parked.id = link.job_id)
    limit 1000
  ))
  `,
);

// Not by `keepMs` alone: a job may come to wait long after it was enqueued, and finds what happened since then.
const events = statement(
  "prune_events",
  sql`
  delete from taskmaster.event
  where ctid = any(array(
    select ctid from taskmaster.event where at < now() - greatest($1::float8 * interval '1 ms', interval '30 days') limit 1000
  ))
  `,
);

/** Removes what is older than `keepMs`. */
export async function prune(database: Database, keepMs: number): Promise<void> {
  for (const each of [succeeded, failures, processes, ticks, links, events]) await database.query(each, [keepMs]);
}
