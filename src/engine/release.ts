import type { Database } from "./database.ts";
import { sql, statement } from "./statement.ts";

/** Giving claimed jobs back to the queue: a deploy, a shutdown or an interruption costs a job nothing but the wait. */
const release = statement(
  "release",
  sql`
  with back as (
    update taskmaster.job
    set worker = null, started_at = null, interruptions = least(interruptions + given.interrupted, 32767)
    from unnest($2::bigint[], $3::int[], $4::int[]) as given (id, delivery, interrupted)
    where job.id = any($2::bigint[]) and job.id = given.id and job.worker = $1 and job.deliveries = given.delivery
    returning job.id, job.lane, given.interrupted
  ), counted as (
    insert into taskmaster.interruption (task, times, last_at)
    select lane.task, count(*), now()
    from back join taskmaster.lane on lane.id = back.lane
    where back.interrupted = 1
    group by lane.task
    order by lane.task
    on conflict (task) do update set times = interruption.times + excluded.times, last_at = excluded.last_at
  ), noted as (
    update taskmaster.deploy_ack set interrupted = deploy_ack.interrupted + (select count(*) from back where interrupted = 1)
    where deploy_ack.process = $1 and deploy_ack.deploy = (select id from taskmaster.deploy where ended_at is null)
      and exists (select from back where interrupted = 1)
  )
  select id, lane from back
  `,
);

export interface Release {
  readonly id: string;
  readonly delivery: number;
  /** Whether its attempt had started. */
  readonly interrupted: boolean;
}

/**
 * Hands jobs back where they stood in line. Answers with those that were still this process's, and their lanes. */
export function releaseJobs(
  database: Database,
  process: number,
  releases: readonly Release[],
): Promise<{ id: string; lane: number }[]> {
  return database.query(release, [
    process,
    releases.map(({ id }) => id),
    releases.map(({ delivery }) => delivery),
    releases.map(({ interrupted }) => (interrupted ? 1 : 0)),
  ]);
}
