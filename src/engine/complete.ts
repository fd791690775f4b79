import { linkJobs } from "./chain-links.ts";
import type { Database, RunStatement } from "./database.ts";
import { enqueueKeyed, insertJobs, type KeyedJob, type NewJob } from "./enqueue.ts";
import { type Success, succeedWithin } from "./settle.ts";
import { sql, statement } from "./statement.ts";

/**
 * Completions that write more than themselves: child jobs, or a task's own data. One transaction: fenced by the completion, so that nothing
 * of it is there when the job was another's, and so that repeating it after a lost reply writes nothing twice.
 */
export interface Completion extends Success {
  readonly children: readonly (NewJob | KeyedJob)[];
}

/** Settles jobs as succeeded, and writes the children of those that were still this process's. Answers with these. */
export async function completeJobs(
  run: RunStatement,
  process: number,
  completions: readonly Completion[],
): Promise<Set<string>> {
  const lost = new Set(await succeedWithin(run, process, completions, []));
  const settled = completions.filter(({ id }) => !lost.has(id));
  const children = settled.flatMap((completion) => completion.children);
  const plain = children.filter((child) => !("key" in child));
  const keyed = children.filter((child): child is KeyedJob => "key" in child);
  if (plain.length > 0) await insertJobs(run, plain);
  await linkJobs(run, plain);
  if (keyed.length > 0) await enqueueKeyed(run, keyed);
  return new Set(settled.map(({ id }) => id));
}

const held = statement(
  "complete_held",
  sql`select id from taskmaster.job where id = $2::bigint and worker = $1 and deliveries = $3::int for share`,
);

const history = statement(
  "complete_history",
  sql`
  select from taskmaster.succeeded
  where settled_at > now() - interval '1 hour' and process = $1 and $2::bigint in (select unnest(jobs))
  limit 1
  `,
);

/** Whether a job that this process was completing has been completed: waits for a transaction whose commit's reply was lost. */
export async function wasCompleted(
  database: Database,
  { id, process, delivery }: { readonly id: string; readonly process: number; readonly delivery: number },
): Promise<boolean> {
  if ((await database.query(held, [process, id, delivery])).length > 0) return false;
  return (await database.query(history, [process, id])).length > 0;
}
