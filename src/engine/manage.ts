import type { Database } from "./database.ts";
import { sql, statement } from "./statement.ts";

/**
 * What people decide about jobs. Each call is one statement over at most a thousand jobs: it takes what still stands where it was found,
 * and leaves alone what a worker has claimed meanwhile.
 */

const retryParked = statement(
  "manage_retry_parked",
  sql`
  with wanted as materialized (
    select parked.*, lane.task from taskmaster.parked join taskmaster.lane on lane.id = parked.lane
    where parked.id = any($1::bigint[])
    order by parked.id
    for update of parked skip locked
  ), taken as (
    -- the key of a held job is still its own; that of a failed or cancelled one may be another's by now
    insert into taskmaster.unique_key (task, key, job_id)
    select task, key, id from wanted where key is not null and state <> 'held'
    order by task, key, id
    on conflict do nothing
    returning job_id
  ), free as (
    select * from wanted where key is null or state = 'held' or id in (select job_id from taken)
  ), back as (
    insert into taskmaster.job (id, lane, run_at, enqueued_at, deliveries, interruptions, keyed, payload, older)
    select id, lane, clock_timestamp(), enqueued_at, deliveries, interruptions, key is not null, payload, older from free
    returning id, lane
  ), gone as (
    delete from taskmaster.parked where id = any(array(select id from free))
  ), begun as (
    -- a person has decided: the step that nobody knew the end of may begin again
    delete from taskmaster.checkpoint where job_id = any(array(select id from free)) and kind = 'begun'
  )
  select id, lane from back
  `,
);

const dueNow = statement(
  "manage_due_now",
  sql`
  update taskmaster.job set run_at = clock_timestamp()
  where id = any($1::bigint[]) and worker is null and run_at > clock_timestamp()
  returning id, lane
  `,
);

export interface Changed {
  readonly id: string;
  readonly lane: number;
}

/** Gives failed, held and cancelled jobs back to the queue with all their attempts, and makes scheduled and retrying ones due now. */
export async function retryByHand(database: Database, ids: readonly string[]): Promise<Changed[]> {
  const due = await database.query<Changed>(dueNow, [ids]);
  const back = await database.query<Changed>(retryParked, [ids]);
  return [...due, ...back];
}

const cancel = statement(
  "manage_cancel",
  sql`
  with gone as (
    delete from taskmaster.job where id = any($1::bigint[]) and worker is null
    returning *
  ), kept as (
    insert into taskmaster.parked (id, state, reason, lane, run_at, enqueued_at, deliveries, failures, crashes, interruptions, key, payload, older)
    select gone.id, 'cancelled', 'by-hand', gone.lane, gone.run_at, gone.enqueued_at, gone.deliveries, gone.failures, gone.crashes,
      gone.interruptions, case when gone.keyed then (select key from taskmaster.unique_key where job_id = gone.id) end, gone.payload, gone.older
    from gone
    returning id, lane
  ), changed as (
    update taskmaster.parked set state = 'cancelled', reason = 'by-hand', parked_at = now()
    where id = any($1::bigint[]) and state in ('failed', 'held')
    returning id, lane
  ), unkeyed as (
    delete from taskmaster.unique_key where job_id = any(array(select id from kept union all select id from changed))
  )
  select id, lane from kept union all select id, lane from changed
  `,
);

/** Takes jobs that do not run out of the queue; they stay visible and can be given back. */
export function cancelByHand(database: Database, ids: readonly string[]): Promise<Changed[]> {
  return database.query<Changed>(cancel, [ids]);
}

const keyHolders = statement(
  "manage_key_holders",
  sql`
  select parked.id, unique_key.job_id as holder, unique_key.key
  from taskmaster.parked join taskmaster.lane on lane.id = parked.lane
  join taskmaster.unique_key on unique_key.task = lane.task and unique_key.key = parked.key and unique_key.job_id <> parked.id
  where parked.id = any($1::bigint[])
  `,
);

/** Why some jobs cannot be given back: an unfinished job holds their key. */
export function keyHoldersOf(
  database: Database,
  ids: readonly string[],
): Promise<{ id: string; holder: string; key: string }[]> {
  return database.query(keyHolders, [ids]);
}

const forget = statement(
  "manage_forget_contract",
  sql`
  delete from taskmaster.contract
  where task = $1 and revision = $2
    and not exists (
      select from taskmaster.process_task as told join taskmaster.live_process on live_process.id = told.process
      where told.task = $1 and told.lo <= $2 and told.hi >= $2
    )
    and not exists (
      select from taskmaster.lane
      where lane.task = $1 and lane.min_revision <= $2 and lane.max_revision >= $2 and (
        exists (select from taskmaster.job where job.lane = lane.id and job.lane > 0) or exists (select from taskmaster.parked where parked.lane = lane.id)
      )
    )
  returning task
  `,
);

/** Forgets what a revision meant, where no live process and no job knows it. Answers whether it did. */
export async function forgetContract(database: Database, task: string, revision: number): Promise<boolean> {
  return (await database.query(forget, [task, revision])).length > 0;
}

const contracts = statement(
  "manage_contracts",
  sql`
  select contract.task, contract.revision, contract.vendor, release.name as release, contract.changed_at as "changedAt", contract.schema
  from taskmaster.contract join taskmaster.release on release.id = contract.release
  order by contract.task, contract.revision
  `,
);

export interface RegisteredContract {
  readonly task: string;
  readonly revision: number;
  readonly vendor: string;
  readonly release: string;
  readonly changedAt: Date;
  /** JSON text. */
  readonly schema: string;
}

export function listContracts(database: Database): Promise<RegisteredContract[]> {
  return database.query<RegisteredContract>(contracts);
}
