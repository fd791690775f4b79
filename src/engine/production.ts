import type { Database } from "./database.ts";
import { sql, statement } from "./statement.ts";

/** What is live: who reads and writes what, and what is left to do. For the questions of a check. */

export interface Production {
  readonly lanes: readonly LaneLoad[];
  readonly schedules: readonly ScheduledPayload[];
  /** What live processes read and write, a row for each name of a task. */
  readonly processes: readonly LiveTask[];
  readonly contracts: readonly LiveContract[];
}

/** The jobs of a lane that have not been done: queued, failed or held. */
export interface LaneLoad {
  readonly lane: number;
  readonly queue: string;
  readonly task: string;
  readonly min: number;
  readonly max: number;
  /** Waiting, scheduled, retrying or running. */
  readonly queued: number;
  readonly parked: number;
  /** When the last one of them is due. */
  readonly lastRunAt: Date | null;
}

export interface ScheduledPayload {
  readonly name: string;
  readonly task: string;
  readonly min: number;
  readonly max: number;
  /** JSON text. */
  readonly payload: string;
  /** JSON text, of an object by revision. */
  readonly older: string | null;
  /** Null where it never fires again. */
  readonly nextAt: Date | null;
}

export interface LiveTask {
  readonly process: number;
  readonly role: "worker" | "producer";
  readonly release: string;
  /** Null: all. */
  readonly queues: readonly string[] | null;
  /** The name that jobs carry. */
  readonly task: string;
  readonly knownAs: string;
  readonly lo: number;
  readonly hi: number;
  readonly reads: boolean;
  readonly writes: boolean;
}

export interface LiveContract {
  readonly task: string;
  readonly revision: number;
  readonly vendor: string;
  readonly release: string;
  /** JSON text. */
  readonly schema: string;
}

const lanes = statement(
  "production_lanes",
  sql`
  with queued as (
    select lane, count(*)::int as jobs, max(run_at) as last from taskmaster.job group by lane
  ), parked as (
    select lane, count(*)::int as jobs from taskmaster.parked where state in ('failed', 'held') group by lane
  )
  select lane.id as lane, lane.queue, lane.task, lane.min_revision as min, lane.max_revision as max,
    coalesce(queued.jobs, 0) as queued, coalesce(parked.jobs, 0) as parked, queued.last as "lastRunAt"
  from taskmaster.lane left join queued on queued.lane = lane.id left join parked on parked.lane = lane.id
  where queued.jobs > 0 or parked.jobs > 0
  order by lane.task, lane.max_revision, lane.id
  `,
);

const schedules = statement(
  "production_schedules",
  sql`
  select schedule.name, lane.task, lane.min_revision as min, lane.max_revision as max, schedule.payload, schedule.older,
    case when schedule.next_at < 'infinity' then schedule.next_at end as "nextAt"
  from taskmaster.schedule join taskmaster.lane on lane.id = schedule.lane
  order by schedule.name
  `,
);

const processes = statement(
  "production_processes",
  sql`
  select process.id as process, process.role, release.name as release, process.queues, told.task, told.known_as as "knownAs",
    told.lo, told.hi, told.reads, told.writes
  from taskmaster.live_process as process
  join taskmaster.release on release.id = process.release
  join taskmaster.process_task as told on told.process = process.id
  order by told.task, process.id
  `,
);

const contracts = statement(
  "production_contracts",
  sql`
  select contract.task, contract.revision, contract.vendor, release.name as release, contract.schema
  from taskmaster.contract join taskmaster.release on release.id = contract.release
  where exists (
    select from taskmaster.process_task as told join taskmaster.live_process on live_process.id = told.process
    where told.task = contract.task
  )
  order by contract.task, contract.revision
  `,
);

export async function readProduction(database: Database): Promise<Production> {
  return {
    lanes: await database.query<LaneLoad>(lanes),
    schedules: await database.query<ScheduledPayload>(schedules),
    processes: await database.query<LiveTask>(processes),
    contracts: await database.query<LiveContract>(contracts),
  };
}

const durations = statement(
  "production_durations",
  sql`
  select count(*)::int as runs, coalesce(max(run.took_ms), 0)::int as "longestMs", (count(*) filter (where run.took_ms > $2))::int as longer
  from (
    select lanes, ran_ms from taskmaster.succeeded where settled_at > now() - interval '7 days' order by settled_at desc limit 20000
  ) as batch, unnest(batch.lanes, batch.ran_ms) as run (lane, took_ms)
  where run.lane in (select id from taskmaster.lane where task = $1)
  `,
);

export interface Durations {
  /** Of the last seven days; of a busy queue, of the last 20,000 batches. */
  readonly runs: number;
  readonly longestMs: number;
  /** How many took longer than was asked about. */
  readonly longer: number;
}

/** How long a task's runs took, held against a limit. */
export async function readDurations(database: Database, task: string, limitMs: number): Promise<Durations> {
  const [found] = await database.query<Durations>(durations, [task, limitMs]);
  return found ?? { runs: 0, longestMs: 0, longer: 0 };
}

const standing = statement(
  "production_standing",
  sql`
  select case when worker is not null then 'running' when failures > 0 then 'retrying' when run_at > now() then 'scheduled' else 'waiting' end as state,
    run_at as "runAt"
  from taskmaster.job where id = $1
  union all
  select state, run_at from taskmaster.parked where id = $1
  limit 1
  `,
);

export interface Standing {
  readonly state: string;
  readonly runAt: Date;
}

/** Where a job stands; undefined where it is done meanwhile. */
export async function standingOf(database: Database, job: string): Promise<Standing | undefined> {
  return (await database.query<Standing>(standing, [job]))[0];
}
