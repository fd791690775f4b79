import { numberArray } from "./arrays.ts";
import type { Database } from "./database.ts";
import { sql, statement } from "./statement.ts";

/** Giving claimed jobs back to the queue: a deploy, a shutdown or an interruption costs a job nothing but the wait. */
const release = statement(
  "release",
  sql`
  with back as materialized (
    update taskmaster.job
    set worker = null, started_at = null,
      unstarted = case when started_at is null and not id in (select unnest($4::bigint[])) then coalesce(unstarted, 0) + 1 else unstarted end,
      interruptions = least(interruptions + (id in (select unnest($4::bigint[])))::int, 32767)
    where id = any($2::bigint[]) and worker = $1
      -- looked up, and never joined: the planner does not know how many there are
      and case when (id, deliveries) in (select * from unnest($2::bigint[], $3::int[])) then true end
    returning id, lane, id in (select unnest($4::bigint[])) as interrupted
  ), counted as (
    insert into taskmaster.interruption (task, times, last_at)
    select lane.task, sum(back.times), now()
    from (select lane, count(*) as times from back where interrupted group by lane) as back
    join taskmaster.lane on lane.id = back.lane
    group by lane.task
    order by lane.task
    on conflict (task) do update set times = interruption.times + excluded.times, last_at = excluded.last_at
  ), noted as (
    update taskmaster.deploy_ack set interrupted = deploy_ack.interrupted + (select count(*) from back where interrupted)
    where deploy_ack.process = $1 and deploy_ack.deploy = (select id from taskmaster.deploy where ended_at is null)
      and exists (select from back where interrupted)
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
    numberArray(releases.map(({ id }) => id)),
    numberArray(releases.map(({ delivery }) => delivery)),
    numberArray(releases.filter(({ interrupted }) => interrupted).map(({ id }) => id)),
  ]);
}
