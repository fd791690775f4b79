import { sql } from "../statement.ts";

/**
 * A job that is written without times is due now. Not `clock_timestamp()`: `copy` writes whole pages at once only where no default can differ
 * from row to row.
 */
export const writtenNow = sql`
alter table taskmaster.job
  alter column run_at set default now(),
  alter column enqueued_at set default now();
`;
