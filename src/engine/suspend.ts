import type { Holder } from "./checkpoint.ts";
import type { Database } from "./database.ts";
import { lockEvents } from "./event.ts";
import { sql, statement } from "./statement.ts";

/**
 * Jobs that sleep or wait for an event: back in the queue, due when they shall wake. What wakes them is recorded with that, in one
 * transaction; an event that happens at the same time waits for it, by its name's lock, or is found by it.
 */

/** Something that wakes a job. */
export type Wake =
  | { readonly kind: "sleep"; readonly name: string; readonly ms: number; readonly seq: number }
  | {
      readonly kind: "wait";
      readonly name: string;
      readonly event: string;
      /** Only events after this one count. */
      readonly after: string;
      /** Null: for ever. */
      readonly ms: number | null;
      readonly seq: number;
    }
  /** Recorded by an earlier attempt, and not due yet. */
  | { readonly kind: "again"; readonly name: string; readonly event: string | null; readonly after: string };

// A job without a time waits until the year 9999; an event that is there already wakes it at once.
const suspend = statement(
  "suspend",
  sql`
  with held as materialized (
    select id, enqueued_at from taskmaster.job where id = $2::bigint and worker = $1 and deliveries = $3::int for update
  ), wakes as materialized (
    select wake.name, wake.kind, wake.event, wake.seq, wake.after,
      case when wake.kind = 'again' then (present.value ->> 'until')::timestamptz else clock_timestamp() + wake.ms * interval '1 ms' end as until
    from unnest($4::text[], $5::text[], $6::text[], $7::int[], $8::bigint[], $9::float8[]) as wake (name, kind, event, seq, after, ms)
    left join taskmaster.checkpoint as present on wake.kind = 'again' and present.job_id = $2::bigint and present.name = wake.name
  ), recorded as (
    insert into taskmaster.checkpoint (job_id, name, kind, seq, delivery, value)
    select held.id, name, kind, seq, $3::int,
      json_strip_nulls(json_build_object('until', until, 'event', event, 'after', case when kind = 'wait' then after::text end))
    from held cross join wakes where kind <> 'again'
    on conflict (job_id, name) do nothing
  ), waits as (
    insert into taskmaster.event_wait (job_id, event)
    select distinct held.id, event from held cross join wakes where event is not null
    on conflict do nothing
  )
  update taskmaster.job
  set worker = null, started_at = null, run_at = greatest(
    clock_timestamp(),
    case
      when exists (
        select from wakes join taskmaster.event on event.name = wakes.event and event.id > wakes.after and event.at >= held.enqueued_at
      ) then clock_timestamp()
      else coalesce((select min(until) from wakes), '9999-01-01')
    end
  )
  from held
  where job.id = held.id
  returning job.id, job.lane, extract(epoch from job.run_at - clock_timestamp())::float8 * 1000 as "inMs"
  `,
);

/** Puts a job to sleep. Answers with it, its lane, and when it is due, in milliseconds, where it was still the attempt's. */
export function suspendJob(
  database: Database,
  { id, process, delivery }: Holder,
  wakes: readonly Wake[],
): Promise<{ id: string; lane: number; inMs: number }[]> {
  const events = wakes.flatMap((wake) => (wake.kind !== "sleep" && wake.event !== null ? [wake.event] : []));
  return database.transaction(async ({ run }) => {
    await lockEvents(run, events);
    return run(suspend, [
      process,
      id,
      delivery,
      wakes.map(({ name }) => name),
      wakes.map(({ kind }) => kind),
      wakes.map((wake) => (wake.kind === "sleep" ? null : wake.event)),
      wakes.map((wake) => (wake.kind === "again" ? 0 : wake.seq)),
      wakes.map((wake) => (wake.kind === "sleep" ? "0" : wake.after)),
      wakes.map((wake) => (wake.kind === "again" ? null : wake.ms)),
    ]);
  });
}
