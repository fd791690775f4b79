import type pg from "pg";
import { until } from "./until.ts";

/** Resolves when a connection to this database waits for a lock. @param what said in the error, such as `the look waits` */
export async function lockIsWaitedFor(sql: pg.Pool, what: string): Promise<void> {
  await until(what, async () => {
    const { rows } = await sql.query(
      "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    );
    return rows.length === 1;
  });
}
