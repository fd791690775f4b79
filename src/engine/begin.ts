import type { Database } from "./database.ts";
import { sql, statement } from "./statement.ts";

const begin = statement(
  "begin",
  sql`
  update taskmaster.job
  set started_at = now()
  from unnest($2::bigint[], $3::int[]) as starting (id, delivery)
  where job.id = starting.id and job.worker = $1 and job.deliveries = starting.delivery
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
