import type { Database } from "./database.ts";
import { sql, statement } from "./statement.ts";

/** How long tasks take, from the record of what succeeded. */
export interface TaskDurations {
  readonly task: string;
  /** Runs that this is made from: the latest of the last seven days. */
  readonly runs: number;
  /** Milliseconds. */
  readonly median: number;
  readonly p90: number;
  readonly p99: number;
  readonly longest: number;
}

// A row of history holds up to a thousand runs; the latest thousand rows are enough to know a task by, and are read in one go.
const durations = statement(
  "durations",
  sql`
  with latest as materialized (
    select lanes, ran_ms from taskmaster.succeeded
    where settled_at > now() - interval '7 days'
    order by settled_at desc
    limit 1000
  )
  select lane.task, count(*)::int as runs,
    percentile_cont(0.5) within group (order by run.ms) as median,
    percentile_cont(0.9) within group (order by run.ms) as p90,
    percentile_cont(0.99) within group (order by run.ms) as p99,
    max(run.ms)::float8 as longest
  from latest
  cross join lateral unnest(latest.lanes, latest.ran_ms) as run (lane, ms)
  join taskmaster.lane on lane.id = run.lane
  where $1::text[] is null or lane.task = any($1)
  group by lane.task
  order by lane.task
  `,
);

/** Of these tasks, or of all. A task that has never succeeded is not among them. */
export function taskDurations(database: Database, tasks?: readonly string[]): Promise<TaskDurations[]> {
  return database.query<TaskDurations>(durations, [tasks ?? null]);
}
