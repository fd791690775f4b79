import type { Database } from "./database.ts";
import { sql, statement } from "./statement.ts";

/** What the record says of each task that matters to deploys (src/deploy/audit.ts judges it). */
export interface TaskRecord {
  readonly task: string;
  /** As the newest live worker, else the newest that was, has registered it. */
  readonly kind: "short" | "interruptible";
  readonly timeLimitMs: number | null;
  readonly afterCrash: "hold" | "retry" | null;
  /** Attempts that passed their time limit, in the time that failures are kept. */
  readonly overruns: number;
  readonly crashes: number;
  /** Jobs held now because their worker died. */
  readonly heldAfterCrash: number;
  /** Deploys that were given up while it ran, and that waited for it the longest. */
  readonly blocked: number;
  readonly lengthened: number;
  /** Of all deploys. */
  readonly deploys: number;
  readonly interruptions: number;
  /** Tasks that it was seen to enqueue directly. */
  readonly strays: readonly string[];
  readonly firstSeen: Date;
}

const records = statement(
  "audit_tasks",
  sql`
  with told as (
    select distinct on (known_as) known_as as task, kind, time_limit_ms, after_crash
    from taskmaster.process_task
    where reads
    order by known_as, process desc
  ), names as (
    select distinct task as name, known_as as task from taskmaster.process_task
  ), failed as (
    select names.task, count(*) filter (where failure.kind = 'overrun')::int as overruns,
      count(*) filter (where failure.kind = 'crash')::int as crashes
    from taskmaster.failure
    left join taskmaster.job on job.id = failure.job_id
    left join taskmaster.parked on parked.id = failure.job_id
    join taskmaster.lane on lane.id = coalesce(job.lane, parked.lane)
    join names on names.name = lane.task
    where failure.kind in ('overrun', 'crash')
    group by names.task
  ), held as (
    select names.task, count(*)::int as jobs
    from taskmaster.parked
    join taskmaster.lane on lane.id = parked.lane
    join names on names.name = lane.task
    where parked.state = 'held' and parked.reason in ('worker-died', 'killed-workers')
    group by names.task
  ), waits as (
    select tasks.name as task, count(distinct deploy) filter (where event = 'blocked by')::int as blocked,
      count(distinct deploy) filter (where event = 'waited for')::int as lengthened
    from taskmaster.deploy_event
    cross join lateral json_array_elements_text(detail -> 'tasks') as tasks (name)
    where event in ('blocked by', 'waited for')
    group by tasks.name
  )
  select told.task, told.kind, told.time_limit_ms as "timeLimitMs", told.after_crash as "afterCrash",
    coalesce(failed.overruns, 0) as overruns, coalesce(failed.crashes, 0) as crashes, coalesce(held.jobs, 0) as "heldAfterCrash",
    coalesce(waits.blocked, 0) as blocked, coalesce(waits.lengthened, 0) as lengthened,
    (select count(*)::int from taskmaster.deploy) as deploys,
    coalesce((select sum(times)::int from taskmaster.interruption join names on names.name = interruption.task where names.task = told.task), 0) as interruptions,
    array(select child from taskmaster.stray_enqueue join names on names.name = stray_enqueue.task where names.task = told.task order by child) as strays,
    coalesce((select min(lane.created_at) from taskmaster.lane join names on names.name = lane.task where names.task = told.task), now()) as "firstSeen"
  from told
  left join failed on failed.task = told.task
  left join held on held.task = told.task
  left join waits on waits.task = told.task
  order by told.task
  `,
);

export function taskRecords(database: Database): Promise<TaskRecord[]> {
  return database.query<TaskRecord>(records);
}
