import type { Database } from "./database.ts";
import { sql, statement } from "./statement.ts";

/** What failed in a deploy's window, and whether running it again could help. */

const failed = statement(
  "replay_failed",
  sql`
  with gate as materialized (
    select * from taskmaster.deploy_window where deploy = $1
  ), hit as materialized (
    select distinct failure.job_id as id
    from gate join taskmaster.failure on failure.at between gate.opened_at and gate.until
    union
    select parked.id
    from gate join taskmaster.parked on parked.parked_at between gate.opened_at and gate.until
    where parked.state = 'failed'
  )
  select hit.id, lane.task, lane.max_revision as revision, lane.queue,
    case
      when parked.id is null and job.id is not null then 'queued'
      when parked.id is null then 'done'
      when parked.state <> 'failed' then parked.state
      when reader.hi is null then 'unreadable'
      when reader.hi > lane.max_revision then 'upgrade'
      else 'readable'
    end as outlook
  from hit
  left join taskmaster.parked on parked.id = hit.id
  left join taskmaster.job on job.id = hit.id
  left join taskmaster.lane on lane.id = coalesce(parked.lane, job.lane)
  left join lateral (
    select max(told.hi) as hi
    from taskmaster.live_process as process
    join taskmaster.process_task as told on told.process = process.id and told.task = lane.task and told.reads
    where process.role = 'worker'
      and (process.queues is null or lane.queue = any(process.queues))
      and told.lo <= lane.max_revision and lane.min_revision <= told.hi
  ) as reader on true
  order by hit.id
  `,
);

/**
 * What would become of a job if it were given back: `readable` at its own revision, to be `upgrade`d, `unreadable` by every live worker; or why there is
 * nothing to give back: it is `queued` again, `done` since, `held` or `cancelled`.
 */
export type Outlook = "readable" | "upgrade" | "unreadable" | "queued" | "done" | "held" | "cancelled";

export interface FailedInDeploy {
  readonly id: string;
  /** Null for what is done since. */
  readonly task: string | null;
  readonly revision: number | null;
  readonly queue: string | null;
  readonly outlook: Outlook;
}

export function failedInDeploy(database: Database, deploy: number): Promise<FailedInDeploy[]> {
  return database.query<FailedInDeploy>(failed, [deploy]);
}
