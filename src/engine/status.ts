import type { Database } from "./database.ts";
import { sql, statement } from "./statement.ts";

/** The system as it stands, for people. */

const releases = statement(
  "status_releases",
  sql`
  select release.name, release.source, release.first_seen as "firstSeen",
    count(process.id) filter (where process.role = 'worker')::int as workers,
    count(process.id) filter (where process.role = 'producer')::int as producers
  from taskmaster.release
  left join taskmaster.live_process as process on process.release = release.id
  group by release.id
  having count(process.id) > 0 or release.first_seen > now() - interval '7 days'
  order by release.id desc
  limit 20
  `,
);

export interface ReleaseStatus {
  readonly name: string;
  readonly source: string;
  readonly firstSeen: Date;
  readonly workers: number;
  readonly producers: number;
}

const processes = statement(
  "status_processes",
  sql`
  select process.id, process.role, release.name as release, process.host, process.pid, process.queues, process.concurrency,
    process.started_at as "startedAt", process.seen_at as "seenAt", process.silent_ms as "silentMs", process.running,
    process.stopping_at is not null as stopping, process.lease_until < now() as lapsed
  from taskmaster.process join taskmaster.release on release.id = process.release
  where process.died_at is null and process.stopped_at is null
  order by process.role desc, process.id
  `,
);

export interface ProcessStatus {
  readonly id: number;
  readonly role: "worker" | "producer";
  readonly release: string;
  readonly host: string;
  readonly pid: number;
  /** Null: all. */
  readonly queues: readonly string[] | null;
  readonly concurrency: number;
  readonly startedAt: Date;
  readonly seenAt: Date;
  /** How long its main thread had been silent at its last heartbeat; 0 where it was not. */
  readonly silentMs: number;
  /** JSON text: the attempts that it ran at its last heartbeat. */
  readonly running: string;
  readonly stopping: boolean;
  /** Its lease has ended: it is about to be taken for dead. */
  readonly lapsed: boolean;
}

const backlog = statement(
  "status_backlog",
  sql`
  with counted as (
    select lane,
      count(*) filter (where worker is null and failures = 0 and run_at <= now())::int as waiting,
      count(*) filter (where worker is null and failures = 0 and run_at > now())::int as scheduled,
      count(*) filter (where worker is null and failures > 0)::int as retrying,
      count(*) filter (where worker is not null)::int as running,
      min(run_at) filter (where worker is null and run_at <= now()) as oldest,
      max(interruptions)::int as interruptions
    from taskmaster.job group by lane
  ), chain as (
    -- its links are tasks named after it and their place (contract/chain.ts); as many as releases have registered
    select name, count(*)::int as links
    from (
      select distinct task, substring(task from '^(.+):[1-9][0-9]*$') as name from taskmaster.contract
    ) as link
    group by name having count(*) > 1 and bool_or(task = name || ':1')
  )
  select chain.name as chain, case when chain.name is not null then substring(lane.task from '[0-9]+$')::int end as link, chain.links,
    lane.queue, lane.task, lane.min_revision as min, lane.max_revision as revision, lane.priority as rank,
    counted.waiting, counted.scheduled, counted.retrying, counted.running, counted.oldest, counted.interruptions,
    not exists (
      select from taskmaster.process_task as reader join taskmaster.live_process as process on process.id = reader.process
      where reader.task = lane.task and reader.reads and reader.lo <= lane.max_revision and lane.min_revision <= reader.hi
        and (process.queues is null or lane.queue = any(process.queues))
    ) as stranded,
    (
      select string_agg(distinct format('%s–%s', reader.lo, reader.hi), ', ')
      from taskmaster.process_task as reader join taskmaster.live_process as process on process.id = reader.process
      where reader.task = lane.task and reader.reads
        and (process.queues is null or lane.queue = any(process.queues))
    ) as readers
  from counted join taskmaster.lane on lane.id = counted.lane
  left join chain on chain.name = substring(lane.task from '^(.+):[1-9][0-9]*$')
  order by coalesce(chain.name, lane.task), chain.name nulls first, link, lane.task, lane.max_revision, lane.min_revision
  `,
);

export interface BacklogStatus {
  /** The chain that the task is a link of; null where it is none. */
  readonly chain: string | null;
  /** Its place in the chain, from 1. */
  readonly link: number | null;
  /** How many links the chain has. */
  readonly links: number | null;
  readonly queue: string;
  readonly task: string;
  /** The oldest rendition of its jobs. */
  readonly min: number;
  readonly revision: number;
  readonly waiting: number;
  readonly scheduled: number;
  readonly retrying: number;
  readonly running: number;
  /** When the oldest due job was due. */
  readonly oldest: Date | null;
  /** The most that one of its jobs was interrupted. */
  readonly interruptions: number;
  /** No live worker can read them. */
  readonly stranded: boolean;
  /** The revisions that live workers of the task read, such as `1–2`; null where there is none. */
  readonly readers: string | null;
}

const parked = statement(
  "status_parked",
  sql`
  select lane.task, parked.state, parked.reason, count(*)::int as jobs, max(parked.parked_at) as latest
  from taskmaster.parked join taskmaster.lane on lane.id = parked.lane
  group by lane.task, parked.state, parked.reason
  order by parked.state, count(*) desc
  `,
);

export interface ParkedStatus {
  readonly task: string;
  readonly state: "failed" | "held" | "cancelled";
  readonly reason: string;
  readonly jobs: number;
  readonly latest: Date;
}

export interface Status {
  readonly releases: readonly ReleaseStatus[];
  readonly processes: readonly ProcessStatus[];
  readonly backlog: readonly BacklogStatus[];
  readonly parked: readonly ParkedStatus[];
}

export async function readStatus(database: Database): Promise<Status> {
  return {
    releases: await database.query<ReleaseStatus>(releases),
    processes: await database.query<ProcessStatus>(processes),
    backlog: await database.query<BacklogStatus>(backlog),
    parked: await database.query<ParkedStatus>(parked),
  };
}
