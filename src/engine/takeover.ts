import type { Database } from "./database.ts";
import { sql, statement } from "./statement.ts";

/** Whether those who are to take over have come, and can read what waits. */

const workers = statement(
  "takeover_workers",
  sql`
  select process.id as process, release.name as release, process.host, process.pid, process.queues, process.started_at as "startedAt",
    not exists (select from taskmaster.gated where gated.process = process.id) as runs,
    process.stopping_at is not null as stopping
  from taskmaster.live_process as process
  join taskmaster.release on release.id = process.release
  where process.role = 'worker'
  order by process.id
  `,
);

export interface LiveWorker {
  readonly process: number;
  readonly release: string;
  readonly host: string;
  readonly pid: number;
  readonly queues: readonly string[] | null;
  readonly startedAt: Date;
  /** Not behind a gate. */
  readonly runs: boolean;
  readonly stopping: boolean;
}

/** Every live worker, those behind the gate and those before it. */
export function liveWorkers(database: Database): Promise<LiveWorker[]> {
  return database.query<LiveWorker>(workers);
}

const unread = statement(
  "takeover_unread",
  sql`
  select lane.queue, lane.task, lane.max_revision as revision, waiting.jobs::int as jobs
  from taskmaster.lane
  cross join lateral (
    select count(*) as jobs from (select from taskmaster.job where job.lane = lane.id and job.lane > 0 limit 1000) as counted
  ) as waiting
  where waiting.jobs > 0 and not exists (
    select from taskmaster.process
    join taskmaster.process_task as told on told.process = process.id and told.task = lane.task and told.reads
    where process.id = any($1::int[]) and (process.queues is null or lane.queue = any(process.queues))
      and told.lo <= lane.max_revision and lane.min_revision <= told.hi
  )
  order by lane.queue, lane.task, lane.max_revision
  `,
);

export interface UnreadLane {
  readonly queue: string;
  readonly task: string;
  readonly revision: number;
  /** Counted up to 1,000. */
  readonly jobs: number;
}

/** What is in the backlog that none of these processes can read. */
export function unreadBy(database: Database, processes: readonly number[]): Promise<UnreadLane[]> {
  return database.query<UnreadLane>(unread, [processes]);
}

const workerTasks = statement(
  "takeover_worker_tasks",
  sql`
  select process.id as process, release.name as release, process.host, process.pid, process.queues,
    array(select distinct known_as from taskmaster.process_task where process_task.process = process.id and reads order by known_as) as tasks
  from taskmaster.live_process as process
  join taskmaster.release on release.id = process.release
  where process.role = 'worker'
  order by process.id
  `,
);

export interface LiveWorkerTasks {
  readonly process: number;
  readonly release: string;
  readonly host: string;
  readonly pid: number;
  readonly queues: readonly string[] | null;
  /** What it runs, by the names of now. */
  readonly tasks: readonly string[];
}

/** Every live worker with what it runs. */
export function workersWithTasks(database: Database): Promise<LiveWorkerTasks[]> {
  return database.query<LiveWorkerTasks>(workerTasks);
}
