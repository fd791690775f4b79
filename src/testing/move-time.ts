import type { Database } from "../engine/database.ts";
import { sql, statement } from "../engine/statement.ts";

const wake = statement(
  "testing_wake",
  sql`
  with slept as (
    update taskmaster.checkpoint
    set value = jsonb_set(value::jsonb, '{until}', to_jsonb(clock_timestamp() - interval '1 second'))::json
    where job_id = $1::bigint and kind in ('sleep', 'wait') and value ->> 'until' is not null
  )
  update taskmaster.job set run_at = clock_timestamp() where id = $1::bigint and worker is null
  `,
);

const pass = statement(
  "testing_pass",
  sql`
  with slept as (
    update taskmaster.checkpoint
    set value = jsonb_set(value::jsonb, '{until}', to_jsonb((value ->> 'until')::timestamptz - $1::float8 * interval '1 ms'))::json
    where kind in ('sleep', 'wait') and value ->> 'until' is not null
  )
  update taskmaster.job set run_at = run_at - $1::float8 * interval '1 ms' where worker is null and run_at < '9999-01-01'
  `,
);

/** Lets time pass for all jobs that wait for it: what would be due by then is due now. */
export async function passTime(database: Database, ms: number): Promise<void> {
  await database.query(pass, [ms]);
}

/** Makes a job that sleeps, waits or is scheduled due now, as if the time had passed. */
export async function letTimePass(database: Database, job: string): Promise<void> {
  await database.query(wake, [job]);
}
