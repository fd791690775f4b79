import type { Database } from "./database.ts";
import { sql, statement } from "./statement.ts";

const note = statement(
  "stray_note",
  sql`
  insert into taskmaster.stray_enqueue (task, child, times, last_at) values ($1, $2, 1, now())
  on conflict (task, child) do update set times = stray_enqueue.times + 1, last_at = now()
  `,
);

/** Records that an interruptible task has enqueued another directly: rerun, it would enqueue it again. */
export async function noteStrayEnqueue(database: Database, task: string, child: string): Promise<void> {
  await database.query(note, [task, child]);
}
