import type { Database } from "./database.ts";
import { sql, statement } from "./statement.ts";

/** The backlog: jobs that have not succeeded yet, by task and revision, and who can read them. */

const lastReader = statement(
  "backlog_last_reader",
  sql`
  -- lanes that this process reads, with jobs left, and that no other process reads which stays
  select lane.task, lane.max_revision as revision, waiting.jobs::int as jobs
  from taskmaster.lane
  join taskmaster.process as me on me.id = $1 and (me.queues is null or lane.queue = any(me.queues))
  join taskmaster.process_task as mine on mine.process = me.id and mine.task = lane.task and mine.reads
    and mine.lo <= lane.max_revision and lane.min_revision <= mine.hi
  cross join lateral (
    select count(*) as jobs from (select from taskmaster.job where job.lane = lane.id and job.lane > 0 limit 1000) as counted
  ) as waiting
  where waiting.jobs > 0 and not exists (
    select from taskmaster.live_process as other
    join taskmaster.process_task as theirs on theirs.process = other.id and theirs.task = lane.task and theirs.reads
    where other.id <> me.id and other.stopping_at is null
      and (other.queues is null or lane.queue = any(other.queues))
      and theirs.lo <= lane.max_revision and lane.min_revision <= theirs.hi
  )
  order by lane.task, lane.max_revision
  `,
);

export interface StrandedLane {
  readonly task: string;
  readonly revision: number;
  /** Counted up to 1,000. */
  readonly jobs: number;
}

/** What would be stranded if this process stopped: it is the last live reader of these. */
export function lastReaderOf(database: Database, process: number): Promise<StrandedLane[]> {
  return database.query<StrandedLane>(lastReader, [process]);
}
