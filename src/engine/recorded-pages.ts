import type { Database } from "./database.ts";
import { sql, statement } from "./statement.ts";

/**
 * What the steps and iterations of half-done jobs have recorded, in pages, for a look at it. Nothing is locked and nothing is written: each
 * page is one short read by the primary key.
 */
export interface RecordedRow {
  readonly job: string;
  /** The name under which the job waits. */
  readonly task: string;
  readonly name: string;
  readonly kind: "step" | "once" | "begun" | "each" | "event";
  readonly revision: number | null;
  /** JSON text. */
  readonly value: string | null;
  readonly older: string | null;
}

const page = statement(
  "recorded_page",
  sql`
  select checkpoint.job_id::text as job, lane.task, checkpoint.name, coalesce(came.kind, checkpoint.kind) as kind,
    coalesce(came.revision, checkpoint.revision) as revision, coalesce(came.value, checkpoint.value::text) as value,
    coalesce(came.older, checkpoint.older::text) as older
  from (
    select * from taskmaster.checkpoint where (job_id, name) > ($1::bigint, $2::text) order by job_id, name limit $3
  ) as checkpoint
  left join taskmaster.job on job.id = checkpoint.job_id
  left join taskmaster.parked on parked.id = checkpoint.job_id
  left join taskmaster.lane on lane.id = coalesce(job.lane, parked.lane)
  -- what a job waits for and has come already, but not to it: as it will be recorded (a wait of a name of its own does not say for what)
  left join lateral (
    select 'event' as kind, event.revision, format('{"id":"%s","payload":%s}', event.id, event.payload) as value, event.older::text
    from taskmaster.event
    where checkpoint.kind = 'wait' and event.name = substring(checkpoint.name from '^wait for (.+)$')
      and event.id > coalesce((checkpoint.value->>'after')::bigint, 0) and event.at >= coalesce(job.enqueued_at, parked.enqueued_at)
    order by event.name, event.id
    limit 1
  ) as came on true
  order by checkpoint.job_id, checkpoint.name
  `,
);

const pageBytes = 4_000_000;
const mostRows = 5_000;

/** Every record, a page at a time; pages are as large as memory allows, whatever the values are. */
export async function* recordedPages(database: Database): AsyncGenerator<readonly RecordedRow[]> {
  let limit = 100;
  for (let after: readonly [string, string] = ["-1", ""]; ; ) {
    const rows = await database.query<RecordedRow & { task: string | null }>(page, [...after, limit]);
    // What has succeeded between two looks has no task any more.
    yield rows.filter(({ task, kind }) => task !== null && kind !== ("sleep" as string) && kind !== ("wait" as string));
    const last = rows.at(-1);
    if (last === undefined || rows.length < limit) return;
    const bytes = rows.reduce((sum, { value, older }) => sum + (value?.length ?? 0) + (older?.length ?? 0), 0);
    limit = Math.max(1, Math.min(mostRows, limit * 2, Math.floor((pageBytes * rows.length) / Math.max(1, bytes))));
    after = [last.job, last.name];
  }
}
