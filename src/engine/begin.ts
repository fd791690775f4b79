import type { Database } from "./database.ts";
import { sql, statement } from "./statement.ts";

const begin = statement(
  "begin",
  sql`
  update taskmaster.job
  set started_at = now()
  where id = any($2::bigint[]) and worker = $1
    -- looked up, and never joined: the planner does not know how many there are
    and case when (id, deliveries) in (select * from unnest($2::bigint[], $3::int[])) then true end
    and exists (select from taskmaster.process where process.id = $1 and died_at is null)
  returning job.id
  `,
);

/**
 * Records that attempts start now, so that a death in the middle is told from a death before. Only those that come back
 * may be started: the others have been claimed by someone else.
 */
export async function beginAttempts(
  database: Database,
  process: number,
  attempts: readonly { readonly id: string; readonly delivery: number }[],
): Promise<Set<string>> {
  const rows = await database.query<{ id: string }>(begin, [
    process,
    attempts.map(({ id }) => id),
    attempts.map(({ delivery }) => delivery),
  ]);
  return new Set(rows.map(({ id }) => id));
}
