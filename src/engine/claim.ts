import type { Database } from "./database.ts";
import { sql, statement } from "./statement.ts";

/**
 * Claiming jobs. Invariants:
 *
 * 1. Only lanes that the caller can read are named, so that a claim never touches a job of another lane, however many there are.
 * 2. Only a process that is registered, alive and not gated claims: the statement looks at its row and at the gate's.
 * 3. Every claim raises the job's `deliveries`, its fence, and leaves a row in `claim`, by which the jobs of a dead process are found.
 * 4. The quotas of one statement add up to what the caller has room for: nothing is locked that is not taken.
 */
/** A place in a lane's line. */
export interface Floor {
  readonly runAt: string;
  readonly id: string;
}

export interface LaneQuota {
  readonly lane: number;
  readonly quota: number;
  /** Look only behind this place; undefined looks from the lane's beginning. */
  readonly floor?: Floor | undefined;
}

export interface ClaimedJob {
  readonly id: string;
  readonly lane: number;
  readonly delivery: number;
  readonly failures: number;
  readonly crashes: number;
  readonly interruptions: number;
  readonly keyed: boolean;
  /** Whether the database knows that its attempt starts now; otherwise it may have to be told before (begin.ts). */
  readonly started: boolean;
  /** A timestamp as the database writes it: exact, and in order as text, because every connection speaks UTC. */
  readonly runAt: string;
  readonly enqueuedAt: string;
  /** How long it had been due when it was claimed, in milliseconds; 24 days at most. */
  readonly waitedMs: number;
  /** At the lane's newest revision. */
  readonly payload: unknown;
  /** Older renditions, by revision. */
  readonly older: Readonly<Record<string, unknown>> | null;
}

const claim = statement(
  "claim",
  sql`
  with me as materialized (
    select id from taskmaster.process
    where id = $1 and died_at is null and stopped_at is null
      and not exists (select from taskmaster.gated where gated.process = $1 and (gated.closes = 'all' or not $8))
  ), head as materialized (
    select line.ctid as at, line.id, row_number() over () as place
    from me
    cross join unnest($3::int[], $4::int[], $5::timestamptz[], $6::bigint[]) as wanted (lane, quota, floor, floor_id)
    cross join lateral (
      select job.ctid, job.id
      from taskmaster.job
      where job.lane = wanted.lane and job.worker is null
        and (job.run_at, job.id) > (wanted.floor, wanted.floor_id) and job.run_at <= now()
      order by job.run_at, job.id
      limit wanted.quota
      for update skip locked
    ) as line
  ), recorded as (
    insert into taskmaster.claim (worker, batch, jobs)
    select $1, $2, array_agg(id) from head having count(*) > 0
  ), taken as (
    update taskmaster.job
    set worker = $1, deliveries = deliveries + 1, started_at = case when head.place <= $7 then now() end
    from head
    where job.ctid = head.at -- locked above, so it stays where it is
    returning job.*
  ), written as (
    select concat('["', id, '",', lane, ',', deliveries, ',', failures, ',', crashes, ',', interruptions, ',', keyed::int, ',',
        (started_at is not null)::int, ',"', run_at, '","', enqueued_at, '",',
        least(extract(epoch from now() - run_at) * 1000, 2147483647)::int, ',', payload, ',', coalesce(older, 'null'), ']') as job
    from taken
  )
  -- One text for all of them: a row and a dozen values for each would cost the client more than all the rest of the claim.
  -- Large ones come by themselves, because texts have limits.
  select string_agg(job, ',') as jobs from written where octet_length(job) <= 10000 having count(*) > 0
  union all
  select job from written where octet_length(job) > 10000
  `,
);

export interface ClaimRequest {
  readonly process: number;
  /** Numbers the process's claims: 1, 2, 3 … */
  readonly batch: number;
  readonly lanes: readonly LaneQuota[];
  /** How many of the jobs start at once. */
  readonly starting: number;
  /** Whether all of the lanes are of interruptible tasks, which a gate may let go on. Default false. */
  readonly interruptibleOnly?: boolean;
}

/** A job as the statement above writes it. */
type WrittenJob = [
  id: string,
  lane: number,
  delivery: number,
  failures: number,
  crashes: number,
  interruptions: number,
  keyed: 0 | 1,
  started: 0 | 1,
  runAt: string,
  enqueuedAt: string,
  waitedMs: number,
  payload: unknown,
  older: Readonly<Record<string, unknown>> | null,
];

/** Claims what is due, oldest first within each lane. */
export async function claimJobs(
  database: Database,
  { process, batch, lanes, starting, interruptibleOnly = false }: ClaimRequest,
): Promise<ClaimedJob[]> {
  const rows = await database.query<{ jobs: string }>(claim, [
    process,
    batch,
    lanes.map(({ lane }) => lane),
    lanes.map(({ quota }) => quota),
    lanes.map(({ floor }) => floor?.runAt ?? "-infinity"),
    lanes.map(({ floor }) => floor?.id ?? "0"),
    starting,
    interruptibleOnly,
  ]);
  const jobs = rows.flatMap((row) => (JSON.parse(`[${row.jobs}]`) as WrittenJob[]).map(readJob));
  return rows.length > 1 ? jobs.sort(byPlace) : jobs; // the large ones have come behind the others
}

function readJob(written: WrittenJob): ClaimedJob {
  const [id, lane, delivery, failures, crashes, interruptions, keyed, started] = written;
  return {
    id,
    lane,
    delivery,
    failures,
    crashes,
    interruptions,
    keyed: keyed === 1,
    started: started === 1,
    runAt: written[8],
    enqueuedAt: written[9],
    waitedMs: written[10],
    payload: written[11],
    older: written[12],
  };
}

function byPlace(a: ClaimedJob, b: ClaimedJob): number {
  if (a.runAt !== b.runAt) return a.runAt < b.runAt ? -1 : 1;
  return BigInt(a.id) < BigInt(b.id) ? -1 : 1;
}

const probe = statement(
  "claim_probe",
  sql`
  select wanted.lane, head.run_at::text as "runAt", (extract(epoch from head.run_at - now()) * 1000)::float8 as "dueInMs"
  from unnest($1::int[]) as wanted (lane)
  cross join lateral (
    select job.run_at from taskmaster.job
    where job.lane = wanted.lane and job.worker is null
    order by job.run_at, job.id
    limit 1
  ) as head
  `,
);

export interface LaneHead {
  readonly lane: number;
  readonly runAt: string;
  /** Negative or 0: due. */
  readonly dueInMs: number;
}

/** The first waiting job of each lane: which lanes have work, and when the next will. */
export function probeLanes(database: Database, lanes: readonly number[]): Promise<LaneHead[]> {
  return database.query<LaneHead>(probe, [lanes]);
}

const owned = statement(
  "claim_owned",
  sql`
  select job.id, job.deliveries as delivery
  from taskmaster.claim
  join taskmaster.job on job.id = any(claim.jobs) and job.worker = claim.worker
  where claim.worker = $1
  `,
);

/** What the database holds for a process: the reply to a committed claim can be lost, and its jobs with it. */
export function ownedJobs(database: Database, process: number): Promise<{ id: string; delivery: number }[]> {
  return database.query(owned, [process]);
}
