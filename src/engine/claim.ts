import { type ClaimedJob, readJobs, type WrittenRow } from "./claimed-job.ts";
import type { Database } from "./database.ts";
import { type Instant, toTimestamp } from "./instant.ts";
import { sql, statement } from "./statement.ts";

/**
 * Claiming jobs. Invariants:
 *
 * 1. Only lanes that the caller can read are named, so that a claim never touches a job of another lane, however many there are.
 * 2. Only a process that is registered, alive and not gated claims: the statement looks at its row and at the gate's.
 * 3. Every claim raises the job's `deliveries`, its fence, and leaves a row in `claim`, by which the jobs of a dead process are found.
 * 4. The quotas of one statement add up to what the caller has room for: nothing is locked that is not taken.
 *
 * Whoever claims from a backlog has two shortcuts; a claim that is not from a backlog looks at everything.
 *
 * - Others have claimed from it since, the caller's own claim among them whose answer is on its way. Each leaves in `claim` the stretch of the line that it
 *   has gone through. Where one of these begins before the floor, was made after the floor's claim, and ends behind it, nothing waits between the floor and
 *   its end: the claim looks from there. (What has come back since then waits for the scout's look from the lane's beginning, as it does behind any floor.)
 * - Others are claiming from it just now, and `skip locked` asks the lock manager about each job that they have locked. So what a running transaction has
 *   touched is left out at a glance: a row says who touched it last, and the snapshot who is running. Where several have locked a row together, it holds
 *   a number of another kind (a multixact).
 */

/** A place in a lane's line: due times can be the same to the microsecond. */
export interface Floor {
  readonly runAt: Instant;
  readonly id: string;
}

export interface LaneQuota {
  readonly lane: number;
  readonly quota: number;
  /** Look only behind this place; undefined looks from the lane's beginning. */
  readonly floor?: Floor | undefined;
  /** Where the last claim had all that was asked for: when it was made. The floor is its last job. */
  readonly backlogAt?: Instant | undefined;
}

/**
 * What is done with the jobs of `head`, and told of them. A row of a dozen values for each job would cost more than all the rest of a claim, here and there, and a text
 * made of them nearly half of it. So each column is told of hundreds of jobs together, times as the database keeps them, and what nearly no job has only of those that have it.
 */
const taken = sql`
  taken as (
    update taskmaster.job
    set worker = $1, deliveries = deliveries + 1, started_at = case when $7 > 0 and id in (select id from head limit $7) then now() end
    where ctid = any(array(select at from head)) -- locked above, so they stay where they are
    returning id, lane, run_at, enqueued_at, payload::text as payload,
      case when deliveries = 1 and started_at is null and failures | crashes | interruptions = 0 and not keyed and older is null and unstarted is null then null
        else concat('"', id, '":[', deliveries, ',', (started_at is not null)::int, ',', failures, ',', crashes, ',', interruptions, ',', keyed::int, ',',
          coalesce(older, 'null'), ',', coalesce(unstarted, 0), ']') end as rest
  ), told as (
    -- Texts have limits, so that large ones come by themselves, behind the row of their jobs: all of these have one row, so that they are looked for once.
    select part,
      string_agg(id::text, ',') as ids,
      array_to_string(array_agg(lane) filter (where cardinality($3::int[]) > 1), ',') as lanes,
      encode(array_send(array_agg(run_at)), 'base64') as "runAt",
      encode(array_send(array_agg(enqueued_at)), 'base64') as "enqueuedAt",
      string_agg(case when part >= 0 then rest end, ',') as rest,
      string_agg(case when part >= 0 then payload else '' end, chr(31)) as payloads
    from (
      select *, case when octet_length(payload) > 10000 or octet_length(rest) > 10000 then -1 else id % $9 end as part
      from taken
    ) as parted
    group by part
  )
  select case when own.id is null then ids else own.id end as ids,
    case when own.id is null then lanes end as lanes,
    case when own.id is null then "runAt" end as "runAt",
    case when own.id is null then "enqueuedAt" end as "enqueuedAt",
    case when own.id is null then told.rest else own.rest end as rest,
    case when own.id is null then payloads else own.payload end as payloads,
    case when own.id is null then (date_part('epoch', now()) * 1e6)::bigint::text end as now
  from told -- named once: what is named twice is copied
  cross join lateral (
    select null as id, null as rest, null as payload
    union all
    select id::text, rest, payload
    from taken
    where told.part = -1 and (octet_length(payload) > 10000 or octet_length(rest) > 10000)
  ) as own
`;

const claim = statement(
  "claim",
  `${sql`
  with me as materialized (
    select
    from taskmaster.process
    where id = $1 and died_at is null and stopped_at is null
      and not exists (select from taskmaster.gated where gated.process = $1 and (gated.closes = 'all' or not $8))
  ), head as materialized (
    select line.ctid as at, line.id
    from me
    cross join unnest($3::int[], $4::int[], $5::timestamptz[], $6::bigint[]) as wanted (lane, quota, floor, floor_id)
    cross join lateral (
      select job.ctid, job.id
      from taskmaster.job
      where job.lane = wanted.lane and job.lane > 0 and job.worker is null
        and (job.run_at, job.id) > (wanted.floor, wanted.floor_id) and job.run_at <= now()
      order by job.run_at, job.id
      limit wanted.quota
      for update skip locked
    ) as line
  ), recorded as (
    insert into taskmaster.claim (worker, batch, jobs)
    select $1, $2, array_agg(id) from head having count(*) > 0
  )`}, ${taken}`,
);

/** The same with the two shortcuts, for the lanes of a backlog among those that are wanted. */
const claimFromBacklog = statement(
  "claim_from_backlog",
  `${sql`
  with me as materialized (
    select array(select number::xid from pg_snapshot_xip(pg_current_snapshot()) as number) as running,
      age(pg_snapshot_xmax(pg_current_snapshot())::xid) as newest -- whoever is younger has begun since
    from taskmaster.process
    where id = $1 and died_at is null and stopped_at is null
      and not exists (select from taskmaster.gated where gated.process = $1 and (gated.closes = 'all' or not $8))
  ), head as materialized (
    select line.ctid as at, line.id, line.run_at
    from me
    cross join unnest($3::int[], $4::int[], $5::timestamptz[], $6::bigint[], $10::timestamptz[]) as wanted (lane, quota, floor, floor_id, backlog_at)
    left join lateral (
      select claim.to_run_at, claim.to_id
      from taskmaster.claim
      where claim.lane = wanted.lane and claim.claimed_at > wanted.backlog_at
        and (claim.from_run_at, claim.from_id) <= (wanted.floor, wanted.floor_id)
        and (claim.to_run_at, claim.to_id) > (wanted.floor, wanted.floor_id)
      order by claim.to_run_at desc, claim.to_id desc
      limit 1
    ) as stretch on true
    cross join lateral (
      select job.ctid, job.id, job.run_at
      from taskmaster.job
      where job.lane = wanted.lane and job.lane > 0 and job.worker is null
        and (wanted.backlog_at is null or job.xmax = 0 or (job.xmax <> all(me.running) and age(job.xmax) > me.newest))
        and (job.run_at, job.id) > (coalesce(stretch.to_run_at, wanted.floor), coalesce(stretch.to_id, wanted.floor_id)) and job.run_at <= now()
      order by job.run_at, job.id
      limit wanted.quota
      for update skip locked
    ) as line
  ), recorded as (
    insert into taskmaster.claim (worker, batch, jobs, lane, from_run_at, from_id, to_run_at, to_id)
    select $1, $2, jobs, sole.lane, sole.floor, sole.floor_id, case when sole.lane is not null then last_run_at end,
      case when sole.lane is not null then jobs[cardinality(jobs)] end -- of one lane they stand in their order
    from (select array_agg(id) as jobs, max(run_at) as last_run_at from head having count(*) > 0) as claimed
    left join (
      select ($3::int[])[1], ($5::timestamptz[])[1], ($6::bigint[])[1] where cardinality($3::int[]) = 1
    ) as sole (lane, floor, floor_id) on true
  )`}, ${taken}`,
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
  /** How long the payloads' texts have been lately, in characters: many long ones come in more rows. Default 0. */
  readonly payloadLength?: number;
  /** Whether it may be sent while another claim is on its way: the database carries them out one after the other. Default false. */
  readonly inLine?: boolean;
}

/**
 * Jobs and payloads that are told of in one row, at most, where payloads are as long as they were. V8 puts a text of more than 128 kB into memory of its
 * own, which it takes from the system and gives back with the next garbage collection.
 */
const inOneRow = { jobs: 500, characters: 64_000 };

function rowsFor(jobs: number, payloadLength: number): number {
  return Math.max(
    1,
    Math.ceil(Math.min(jobs, Math.max(jobs / inOneRow.jobs, (jobs * payloadLength) / inOneRow.characters))),
  );
}

/** Claims what is due, oldest first within each lane. */
export async function claimJobs(
  database: Database,
  { process, batch, lanes, starting, interruptibleOnly = false, payloadLength = 0, inLine = false }: ClaimRequest,
): Promise<ClaimedJob[]> {
  const values: unknown[] = [
    process,
    batch,
    lanes.map(({ lane }) => lane),
    lanes.map(({ quota }) => quota),
    lanes.map(({ floor }) => (floor === undefined ? "-infinity" : toTimestamp(floor.runAt))),
    lanes.map(({ floor }) => floor?.id ?? "0"),
    starting,
    interruptibleOnly,
    rowsFor(
      lanes.reduce((sum, { quota }) => sum + quota, 0),
      payloadLength,
    ),
  ];
  const isBacklog = lanes.some(({ backlogAt }) => backlogAt !== undefined);
  if (isBacklog) values.push(lanes.map(({ backlogAt }) => (backlogAt === undefined ? null : toTimestamp(backlogAt))));
  const which = isBacklog ? claimFromBacklog : claim;
  const rows = await (inLine
    ? database.queryInLine<WrittenRow>(which, values, { isLarge: isBacklog })
    : database.query<WrittenRow>(which, values));
  return readJobs(rows, lanes[0]?.lane).sort(byPlace); // they have come as they lie in the table
}

/** Has a claim planned on the connection on which they are sent in line, so that the first job waits neither for that nor for the connection. Claims nothing. */
export async function prepareClaims(database: Database, process: number): Promise<void> {
  await claimJobs(database, { process, batch: 0, lanes: [], starting: 0, inLine: true });
}

/** Numbers of jobs in their order, without making numbers of them. */
function byPlace(a: Floor, b: Floor): number {
  if (a.runAt !== b.runAt) return a.runAt - b.runAt;
  if (a.id === b.id) return 0;
  if (a.id.length !== b.id.length) return a.id.length - b.id.length;
  return a.id < b.id ? -1 : 1;
}

/** Whether a job stands behind a place in its line. */
export function isBehind(job: Floor, place: Floor): boolean {
  return byPlace(job, place) > 0;
}

const probe = statement(
  "claim_probe",
  sql`
  select wanted.lane, round(date_part('epoch', head.run_at) * 1e6) as "runAt", head.id::text as id,
    date_part('epoch', head.run_at - now()) * 1000 as "dueInMs"
  from unnest($1::int[]) as wanted (lane)
  cross join lateral (
    (
      select job.run_at, job.id from taskmaster.job
      where job.lane = wanted.lane and job.lane > 0 and job.worker is null
      order by job.run_at, job.id
      limit 1
    )
    union
    (
      select job.run_at, job.id from taskmaster.job
      where job.lane = wanted.lane and job.lane > 0 and job.worker is null and job.run_at > now()
      order by job.run_at, job.id
      limit 1
    )
  ) as head
  `,
);

export interface LaneHead extends Floor {
  readonly lane: number;
  /** Negative or 0: due. */
  readonly dueInMs: number;
}

/** The first waiting job of each lane, and the first that is not due yet: which lanes have work, and when the next will. */
export function probeLanes(database: Database, lanes: readonly number[]): Promise<LaneHead[]> {
  return database.query<LaneHead>(probe, [lanes]);
}

const owned = statement(
  "claim_owned",
  sql`
  select job.id, job.deliveries as delivery, max(claim.batch)::int as batch
  from taskmaster.claim
  join taskmaster.job on job.id = any(claim.jobs) and job.worker = claim.worker
  where claim.worker = $1
  group by job.id
  `,
);

/** What the database holds for a process, and its last claim of each: the reply to a committed claim can be lost, and its jobs with it. */
export function ownedJobs(
  database: Database,
  process: number,
): Promise<{ id: string; delivery: number; batch: number }[]> {
  return database.query(owned, [process]);
}
