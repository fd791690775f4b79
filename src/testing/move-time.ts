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

/** Makes a job that sleeps, waits or is scheduled due now, as if the time had passed. */
export async function letTimePass(database: Database, job: string): Promise<void> {
  await database.query(wake, [job]);
}
