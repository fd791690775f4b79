import type { Database } from "./database.ts";
import { sql, statement } from "./statement.ts";

/**
 * The jobs of processes that have died. What becomes of one is decided by what its process registered for the task, never by whether
 * the rescuer knows the task: a rescue gives back or holds, and discards nothing.
 *
 * | its attempt | interruptible, or afterCrash retry | short |
 * | --- | --- | --- |
 * | had started | given back, a crash counted; held from the third on | held |
 * | had not, as far as is known | given back | given back |
 *
 * A rerunnable job that was buffered may have started without a word, but only where all deliveries before went back before an attempt began: others
 * are always announced (begin.ts). So the death of its worker counts as a crash then, lest a job that kills its worker at once is never found out.
 *
 * Crashes are counted from the last attempt on that recorded something: what gets further now and then will come to its end, however often
 * its workers are killed for other reasons.
 */

/** How many workers a job may kill before it is held: one that has recorded nothing, and one that has, in a row without getting further. */
const crashLimit = 3;
const recordedCrashLimit = 10;

// Claims whose process no longer lives: dead, stopped without settling, or unknown. Looked for again and again, because a claim
// may still be committed while its process is judged.
const orphans = statement(
  "rescue_orphans",
  sql`
  select claim.worker, claim.batch
  from taskmaster.claim
  left join taskmaster.process on process.id = claim.worker
  where process.id is null or process.died_at is not null or process.stopped_at is not null
  order by claim.worker, claim.batch
  limit 100
  `,
);

const rescue = statement(
  "rescue",
  sql`
  with batch as materialized (
    delete from taskmaster.claim where worker = $1 and batch = $2 returning jobs
  ), mine as materialized (
    select job.*, job.ctid as at, lane.task, told.kind, told.after_crash,
      coalesce(told.kind = 'interruptible' or told.after_crash = 'retry', false) as rerunnable,
      exists (select from taskmaster.checkpoint where job_id = job.id) as recorded,
      exists (select from taskmaster.checkpoint where job_id = job.id and delivery = job.deliveries) as progressed
    from batch
    join taskmaster.job on job.id = any(batch.jobs) and job.worker = $1
    join taskmaster.lane on lane.id = job.lane
    left join taskmaster.process_task as told on told.process = $1 and told.task = lane.task
    order by job.id
    for update of job
  ), judged as materialized (
    select *,
      (started_at is not null or (rerunnable and deliveries - coalesce(unstarted, 0) = 1)) and not progressed as crashed,
      started_at is not null and not rerunnable as unclear,
      (started_at is not null or (rerunnable and deliveries - coalesce(unstarted, 0) = 1)) and rerunnable and not progressed
        and crashes + 1 >= case when recorded then $4::int else $3::int end as killer
    from mine
  ), back as (
    -- locked above, so they stay where they are; looked up, and never joined: the planner does not know how many there are
    update taskmaster.job
    set worker = null, started_at = null,
      crashes = case when id in (select id from judged where progressed) then 0 else crashes + (id in (select id from judged where crashed))::int end
    where ctid = any(array(select at from judged where not unclear and not killer))
  ), taken as (
    delete from taskmaster.job where ctid = any(array(select at from judged where unclear or killer))
  ), kept as (
    insert into taskmaster.parked (id, state, reason, detail, process, lane, run_at, enqueued_at, deliveries, failures, crashes, interruptions, key, payload, older)
    select judged.id, 'held', case when killer then 'killed-workers' else 'worker-died' end,
      case when killer
        then format('%s workers died while they ran it or were about to.', crashes + 1)
        else 'Its worker died while it ran; a short task may have done its work, so a person decides.' end,
      $1, lane, run_at, enqueued_at, deliveries, failures, crashes + 1, interruptions,
      case when keyed then (select key from taskmaster.unique_key where job_id = judged.id) end, payload, older
    from judged
    where unclear or killer
  ), noted as (
    insert into taskmaster.failure (job_id, delivery, process, kind, name, message)
    select id, deliveries, $1, 'crash', 'WorkerDiedError', format('Process %s died while it ran this job.', $1)
    from judged where started_at is not null
    on conflict do nothing
  )
  select judged.id, judged.task, judged.lane, judged.unclear or judged.killer as held,
    case when judged.killer then 'killed-workers' else 'worker-died' end as reason
  from judged
  `,
);

export interface RescuedJob {
  readonly id: string;
  readonly task: string;
  readonly lane: number;
  readonly held: boolean;
  readonly reason: string;
}

/** Gives back or holds what dead processes had claimed, a batch of claims at a time. */
export async function rescueOrphans(database: Database): Promise<{ process: number; jobs: RescuedJob[] }[]> {
  const found = await database.query<{ worker: number; batch: number }>(orphans);
  const rescued: { process: number; jobs: RescuedJob[] }[] = [];
  for (const { worker, batch } of found)
    rescued.push({
      process: worker,
      jobs: await database.query<RescuedJob>(rescue, [worker, batch, crashLimit, recordedCrashLimit]),
    });
  return rescued;
}
