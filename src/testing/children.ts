import { numberArray } from "../engine/arrays.ts";
import type { Database } from "../engine/database.ts";
import { sql, statement } from "../engine/statement.ts";

/** The jobs that a run has left behind: by their time, because numbers are handed out ahead. */
const now = statement("testing_now", sql`select clock_timestamp()::text as now`);

const children = statement(
  "testing_children",
  sql`
  select job.id, lane.task, job.payload::text as payload from taskmaster.job join taskmaster.lane on lane.id = job.lane
  where job.enqueued_at >= $1::timestamptz and job.id <> all ($2::bigint[])
  order by lane.task, payload
  `,
);

/** The database's time. */
export async function databaseTime(database: Database): Promise<string> {
  const [row] = await database.query<{ now: string }>(now);
  return row?.now ?? "";
}

export interface ChildLeft {
  readonly id: string;
  readonly task: string;
  readonly payload: string;
}

/** The jobs that wait and were enqueued since a time, without some of them. */
export function childrenSince(database: Database, since: string, except: readonly string[]): Promise<ChildLeft[]> {
  return database.query(children, [since, numberArray(except)]);
}
