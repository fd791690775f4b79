import type { Database } from "./database.ts";
import { sql, statement } from "./statement.ts";

/**
 * What a deploy did to jobs in its window, read from what is recorded anyway: the history of successes, the failures, the acknowledgements.
 */
export interface Ledger {
  readonly from: Date;
  readonly until: Date;
  /** Succeeded jobs that were due before the gate opened and started after it. */
  readonly waited: number;
  /** How long the one waited that waited longest behind the gate, in milliseconds. */
  readonly waitedLongestMs: number;
  readonly handedBack: number;
  /** Attempts that were interrupted while the gate was closed, because their worker was stopped. */
  readonly interrupted: number;
  /** Succeeded jobs of a revision older than their worker's. */
  readonly upgraded: number;
  /** Succeeded jobs of a revision newer than their worker's, which ran in an older rendition. */
  readonly older: number;
  /** Jobs that failed for good in the window, and are still failed. */
  readonly failed: number;
  readonly held: number;
  /** Jobs that no live worker can read, now. */
  readonly stranded: number;
}

const ledger = statement(
  "deploy_ledger",
  sql`
  with gate as materialized (
    select *, coalesce(ended_at, now()) as opens_at from taskmaster.deploy_window where deploy = $1
  ), ran as materialized (
    select run.lane, succeeded.process,
      succeeded.settled_at - run.ran_ms * interval '1 ms' as started_at,
      succeeded.settled_at - (run.ran_ms::bigint + run.waited_ms) * interval '1 ms' as due_at
    from gate
    join taskmaster.succeeded on succeeded.settled_at between gate.opened_at and gate.until
    cross join lateral unnest(succeeded.lanes, succeeded.ran_ms, succeeded.waited_ms) as run (lane, ran_ms, waited_ms)
  ), waits as (
    select count(*)::int as waited,
      coalesce(max(extract(epoch from gate.opens_at - greatest(ran.due_at, gate.opened_at))) * 1000, 0)::float8 as longest
    from gate join ran on ran.due_at < gate.opens_at and ran.started_at >= gate.opens_at and gate.ended_at is not null
  ), revisions as (
    select count(*) filter (where told.hi > lane.max_revision)::int as upgraded,
      count(*) filter (where told.hi < lane.max_revision)::int as older
    from ran
    join taskmaster.lane on lane.id = ran.lane
    join taskmaster.process_task as told on told.process = ran.process and told.task = lane.task and told.reads
  ), parked as (
    select count(*) filter (where parked.state = 'failed')::int as failed, count(*) filter (where parked.state = 'held')::int as held
    from gate join taskmaster.parked on parked.parked_at between gate.opened_at and gate.until
  ), stranded as (
    select count(*)::int as jobs
    from taskmaster.job
    join taskmaster.lane on lane.id = job.lane
    where not exists (
      select from taskmaster.process
      join taskmaster.process_task as told on told.process = process.id and told.task = lane.task and told.reads
      where process.died_at is null and process.stopped_at is null and (process.queues is null or lane.queue = any(process.queues))
        and told.lo <= lane.max_revision and lane.min_revision <= told.hi
    )
  )
  select gate.opened_at as "from", gate.until, waits.waited, waits.longest as "waitedLongestMs",
    (select coalesce(sum(handed_back), 0)::int from taskmaster.deploy_ack where deploy = $1) as "handedBack",
    (select coalesce(sum(interrupted), 0)::int from taskmaster.deploy_ack where deploy = $1) as interrupted,
    revisions.upgraded, revisions.older, parked.failed, parked.held, stranded.jobs as stranded
  from gate, waits, revisions, parked, stranded
  `,
);

export async function ledgerOf(database: Database, deploy: number): Promise<Ledger> {
  const [found] = await database.query<Ledger>(ledger, [deploy]);
  if (found === undefined) throw new Error(`There is no deploy ${deploy}.`);
  return found;
}
