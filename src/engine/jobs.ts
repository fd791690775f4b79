import { jobsOfChain } from "./chain-links.ts";
import type { Database } from "./database.ts";
import { sql, statement } from "./statement.ts";

/** Finding jobs, wherever they stand: in the queue, parked, or succeeded. */
export const jobStates = [
  "waiting",
  "scheduled",
  "retrying",
  "running",
  "failed",
  "held",
  "cancelled",
  "succeeded",
] as const;
export type JobState = (typeof jobStates)[number];

/** What is left out does not filter. */
export interface JobFilter {
  readonly ids?: readonly string[] | undefined;
  /** The links of the chain to which this job belongs. */
  readonly chain?: string | undefined;
  readonly task?: string | undefined;
  readonly revision?: number | undefined;
  readonly queue?: string | undefined;
  readonly states?: readonly JobState[] | undefined;
  /** A part of the reason, or of the message of an attempt that failed; upper and lower case are one. */
  readonly error?: string | undefined;
  /** Enqueued (or, where it has ended, ended) at that time or later. */
  readonly since?: Date | undefined;
  readonly until?: Date | undefined;
}

export interface FoundJob {
  readonly id: string;
  readonly task: string;
  readonly revision: number;
  readonly queue: string;
  readonly state: JobState;
  /** When it is or was due. Null for a job that succeeded. */
  readonly runAt: Date | null;
  readonly enqueuedAt: Date | null;
  readonly endedAt: Date | null;
  /** The process that runs it. */
  readonly process: number | null;
  readonly failures: number;
  readonly crashes: number;
  readonly interruptions: number;
  /** Why it is parked, or what its last attempt threw. */
  readonly reason: string | null;
}

// The parameters of the three statements: ids, task, revision, queue, states, error, since, until, before, limit.
const live = statement(
  "jobs_live",
  sql`
  with stated as (
    select job.*, lane.task, lane.max_revision, lane.queue,
      case when worker is not null then 'running' when failures > 0 then 'retrying' when run_at > now() then 'scheduled' else 'waiting' end as state,
      (select message from taskmaster.failure where job_id = job.id order by delivery desc limit 1) as message
    from taskmaster.job join taskmaster.lane on lane.id = job.lane
  )
  select id, task, max_revision as revision, queue, state, run_at as "runAt", enqueued_at as "enqueuedAt", null::timestamptz as "endedAt",
    worker as process, failures, crashes, interruptions, message as reason
  from stated
  where ($1::bigint[] is null or id = any($1)) and ($2::text is null or task = $2) and ($3::int is null or max_revision = $3)
    and ($4::text is null or queue = $4) and ($5::text[] is null or state = any($5))
    and ($6::text is null or position(lower($6) in lower(message)) > 0)
    and ($7::timestamptz is null or enqueued_at >= $7) and ($8::timestamptz is null or enqueued_at < $8)
    and ($9::bigint is null or id < $9)
  order by id desc
  limit $10
  `,
);

const parked = statement(
  "jobs_parked",
  sql`
  select parked.id, lane.task, lane.max_revision as revision, lane.queue, parked.state, parked.run_at as "runAt",
    parked.enqueued_at as "enqueuedAt", parked.parked_at as "endedAt", null::int as process, parked.failures, parked.crashes,
    parked.interruptions, parked.reason || case when parked.detail = '' then '' else ': ' || parked.detail end as reason
  from taskmaster.parked join taskmaster.lane on lane.id = parked.lane
  where ($1::bigint[] is null or parked.id = any($1)) and ($2::text is null or lane.task = $2) and ($3::int is null or lane.max_revision = $3)
    and ($4::text is null or lane.queue = $4) and ($5::text[] is null or parked.state = any($5))
    and ($6::text is null or position(lower($6) in lower(parked.reason || ' ' || parked.detail)) > 0
      or exists (select from taskmaster.failure where job_id = parked.id and position(lower($6) in lower(message)) > 0))
    and ($7::timestamptz is null or parked.parked_at >= $7) and ($8::timestamptz is null or parked.parked_at < $8)
    and ($9::bigint is null or parked.id < $9)
  order by parked.id desc
  limit $10
  `,
);

const succeeded = statement(
  "jobs_succeeded",
  sql`
  select done.id, lane.task, lane.max_revision as revision, lane.queue, 'succeeded' as state, null::timestamptz as "runAt",
    null::timestamptz as "enqueuedAt", batch.settled_at as "endedAt", batch.process, done.failures, 0 as crashes, 0 as interruptions,
    null::text as reason
  from taskmaster.succeeded as batch
  cross join lateral unnest(batch.jobs, batch.lanes, batch.failures) as done (id, lane, failures)
  join taskmaster.lane on lane.id = done.lane
  where ($1::bigint[] is null or (batch.jobs && $1 and done.id = any($1))) and ($2::text is null or lane.task = $2)
    and ($3::int is null or lane.max_revision = $3) and ($4::text is null or lane.queue = $4)
    and ($5::text[] is null or 'succeeded' = any($5)) and $6::text is null
    and ($7::timestamptz is null or batch.settled_at >= $7) and ($8::timestamptz is null or batch.settled_at < $8)
    and ($9::bigint is null or done.id < $9)
  order by done.id desc
  limit $10
  `,
);

/** The jobs that fit, the newest first; `before` goes on from where the last page ended. */
export async function findJobs(
  database: Database,
  filter: JobFilter,
  limit: number,
  before?: string,
): Promise<FoundJob[]> {
  const { task, revision, queue, states, error, since, until } = filter;
  const ids = filter.chain === undefined ? filter.ids : await jobsOfChain(database, filter.chain);
  const values = [
    ids ?? null,
    task ?? null,
    revision ?? null,
    queue ?? null,
    states ?? null,
    error ?? null,
    since ?? null,
    until ?? null,
    before ?? null,
    limit,
  ];
  const wants = (some: readonly JobState[]) => states === undefined || states.some((state) => some.includes(state));
  const places = [
    wants(["waiting", "scheduled", "retrying", "running"]) ? live : undefined,
    wants(["failed", "held", "cancelled"]) ? parked : undefined,
    wants(["succeeded"]) && error === undefined ? succeeded : undefined,
  ].filter((place) => place !== undefined);
  const found = await Promise.all(places.map((place) => database.query<FoundJob>(place, values)));
  return found
    .flat()
    .sort((a, b) => (BigInt(a.id) < BigInt(b.id) ? 1 : -1))
    .slice(0, limit);
}

const renditions = statement(
  "jobs_renditions",
  sql`
  select payload, older, lane.min_revision as min, lane.max_revision as max
  from (
    select lane, payload, older from taskmaster.job where id = $1
    union all
    select lane, payload, older from taskmaster.parked where id = $1
  ) as kept join taskmaster.lane on lane.id = kept.lane
  `,
);

const failures = statement(
  "jobs_failures",
  sql`
  select delivery, at, process, kind, name, message, stack from taskmaster.failure where job_id = $1 order by delivery, at
  `,
);

const checkpoints = statement(
  "jobs_checkpoints",
  sql`select name, kind, delivery, at, value from taskmaster.checkpoint where job_id = $1 order by at, name`,
);

export interface RecordedCheckpoint {
  readonly name: string;
  readonly kind: string;
  readonly delivery: number;
  readonly at: Date;
  readonly value: unknown;
}

const running = statement(
  "jobs_running",
  sql`
  select attempt from taskmaster.process cross join lateral json_array_elements(running) as attempt
  where process.id = $1 and attempt ->> 'job' = $2
  `,
);

/** What a running attempt has told of itself, as of its worker's last heartbeat. */
export interface RunningAttempt {
  readonly since: string;
  /** From 0 to 1. */
  readonly progress?: number;
  readonly note?: string;
  readonly heard?: string;
}

export interface AttemptFailure {
  readonly delivery: number;
  readonly at: Date;
  readonly process: number | null;
  readonly kind: string;
  readonly name: string;
  readonly message: string;
  readonly stack: string | null;
}

export interface JobDetail extends FoundJob {
  /** Payloads by revision; none for a job that has succeeded. */
  readonly payloads: Readonly<Record<string, unknown>>;
  readonly attempts: readonly AttemptFailure[];
  /** What its steps and iterations have recorded, in that order. */
  readonly checkpoints: readonly RecordedCheckpoint[];
  readonly running: RunningAttempt | null;
  /** The jobs of its chain, the first link's first; none where it is no link, or none but it has been enqueued. */
  readonly chain: readonly FoundJob[];
}

/** Everything that is known of one job. */
export async function showJob(database: Database, id: string): Promise<JobDetail | undefined> {
  const [job] = await findJobs(database, { ids: [id] }, 1);
  if (job === undefined) return;
  const [kept] = await database.query<{ payload: string; older: string | null; max: number }>(renditions, [id]);
  const older = JSON.parse(kept?.older ?? "{}") as Record<string, unknown>;
  const payloads = kept ? { ...older, [kept.max]: JSON.parse(kept.payload) as unknown } : {};
  const recorded = await database.query<RecordedCheckpoint & { value: string | null }>(checkpoints, [id]);
  const [told] =
    job.process === null || job.endedAt ? [] : await database.query<{ attempt: string }>(running, [job.process, id]);
  const chain = await jobsOfChain(database, id);
  return {
    ...job,
    payloads,
    chain: chain.length > 1 ? (await findJobs(database, { ids: chain }, chain.length)).reverse() : [],
    attempts: await database.query<AttemptFailure>(failures, [id]),
    checkpoints: recorded.map(({ value, ...rest }) => ({
      ...rest,
      value: value === null ? null : (JSON.parse(value) as unknown),
    })),
    running: told ? (JSON.parse(told.attempt) as RunningAttempt) : null,
  };
}
