import type { Database } from "./database.ts";
import { sql, statement } from "./statement.ts";

/** What short tasks have done lately, do now, and are due to do: what a forecast of a drain is made from (src/deploy/forecast.ts). */

const pace = statement(
  "traffic_pace",
  sql`
  with latest as materialized (
    select settled_at, lanes, ran_ms from taskmaster.succeeded
    where settled_at > now() - interval '1 day'
    order by settled_at desc
    limit 1000
  ), covered as (
    -- at least a minute, so that a burst that has only just begun is not taken for all there ever is
    select greatest(60, extract(epoch from now() - min(settled_at)))::float8 as seconds from latest
  )
  select lane.task, covered.seconds, count(*)::int as runs,
    percentile_cont(array(select n / 20.0::float8 from generate_series(0, 20) as n order by n)) within group (order by run.ms)::float8[] as quantiles
  from latest
  cross join covered
  cross join lateral unnest(latest.lanes, latest.ran_ms) as run (lane, ms)
  join taskmaster.lane on lane.id = run.lane
  where exists (select from taskmaster.process_task as told where told.task = lane.task and told.kind = 'short')
  group by lane.task, covered.seconds
  `,
);

/** How often a short task runs, and for how long. */
export interface TaskPace {
  readonly task: string;
  /** Runs in so many seconds until now. */
  readonly runs: number;
  readonly seconds: number;
  /** Durations at 0 %, 5 % … 100 %, in milliseconds. */
  readonly quantiles: readonly number[];
}

export function taskPaces(database: Database): Promise<TaskPace[]> {
  return database.query<TaskPace>(pace);
}

const running = statement(
  "traffic_running",
  sql`
  select attempt ->> 'task' as task, attempt ->> 'job' as job, (attempt ->> 'since')::timestamptz as since, told.time_limit_ms as "limitMs"
  from taskmaster.process
  cross join lateral json_array_elements(process.running) as attempt
  left join taskmaster.process_task as told on told.process = process.id and told.known_as = attempt ->> 'task' and told.task = told.known_as
  where process.role = 'worker' and process.died_at is null and process.stopped_at is null and attempt ->> 'kind' = 'short'
  `,
);

export interface RunningShort {
  readonly task: string;
  readonly job: string;
  readonly since: Date;
  readonly limitMs: number | null;
}

/** Short attempts as of the workers' last heartbeats, a few seconds old. */
export function runningShort(database: Database): Promise<RunningShort[]> {
  return database.query<RunningShort>(running);
}

const due = statement(
  "traffic_due",
  sql`
  select lane.task, floor(extract(epoch from job.run_at) / 300)::bigint::float8 * 300000 as "from", count(*)::int as jobs
  from taskmaster.lane
  join taskmaster.job on job.lane = lane.id and job.lane > 0 and job.run_at > now() and job.run_at < now() + $1::float8 * interval '1 ms'
  where exists (select from taskmaster.process_task as told where told.task = lane.task and told.kind = 'short')
  group by lane.task, 2
  `,
);

/** Jobs of short tasks that become due in five minutes. */
export interface DueJobs {
  readonly task: string;
  /** The beginning of the five minutes: milliseconds since 1970. */
  readonly from: number;
  readonly jobs: number;
}

export function dueJobs(database: Database, withinMs: number): Promise<DueJobs[]> {
  return database.query<DueJobs>(due, [withinMs]);
}

const interruptible = statement(
  "traffic_interruptible",
  sql`select distinct task from taskmaster.process_task where kind = 'interruptible'`,
);

/** Tasks that a deploy does not wait for. */
export async function interruptibleTasks(database: Database): Promise<Set<string>> {
  const rows = await database.query<{ task: string }>(interruptible);
  return new Set(rows.map(({ task }) => task));
}
