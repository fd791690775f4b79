import { nextTick } from "../contract/cron.ts";
import type { Database } from "./database.ts";
import { sql, statement } from "./statement.ts";

/**
 * Cron without a leader. Invariants:
 *
 * 1. A tick and its job are one transaction, and a tick is a primary key: however many workers fire it, there is one job.
 * 2. Only the newest live release writes definitions; an older one neither deletes nor revives one. When the newest is gone
 *    (a rollback), the one that is newest then takes over.
 * 3. A definition says all that firing needs, so every worker can fire every schedule.
 */
export interface DefinedSchedule {
  readonly name: string;
  readonly cron: string;
  readonly timeZone: string;
  readonly task: string;
  readonly lane: number;
  /** JSON text. */
  readonly payload: string;
  readonly older: string | null;
}

const lock = statement("schedules_lock", sql`select pg_advisory_xact_lock(1952543859, 4)`);

const newest = statement(
  "schedules_newest_release",
  sql`
  select coalesce(max(release), 0)::int as release, now() as now
  from taskmaster.live_process
  where role = 'worker'
  `,
);

/** Whether no live worker is of a newer release than this. */
export async function isNewestRelease(database: Database, release: number): Promise<boolean> {
  const [found] = await database.query<{ release: number }>(newest);
  return (found?.release ?? 0) <= release;
}

const put = statement(
  "schedules_put",
  sql`
  insert into taskmaster.schedule as known (name, release, cron, time_zone, task, lane, payload, older, next_at)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
  on conflict (name) do update
  set release = excluded.release, task = excluded.task, lane = excluded.lane, payload = excluded.payload, older = excluded.older,
    cron = excluded.cron, time_zone = excluded.time_zone,
    -- an unchanged line keeps its next tick, also one that is overdue
    next_at = case when known.cron = excluded.cron and known.time_zone = excluded.time_zone then known.next_at else excluded.next_at end,
    defined_at = now()
  `,
);

// Not those of tasks that only another program of this release knows.
const prune = statement(
  "schedules_prune",
  sql`
  delete from taskmaster.schedule
  where name <> all($1::text[]) and (
    task = any($2::text[])
    or not exists (
      select from taskmaster.process_task as reader join taskmaster.process on process.id = reader.process
      where reader.task = schedule.task and reader.reads and process.died_at is null and process.stopped_at is null
    )
  )
  returning name
  `,
);

/**
 * Writes a release's definitions, where it is the newest live one, and removes those that it no longer has.
 *
 * @param tasks the names of the tasks that the release's program knows
 * @returns the names of removed schedules, or undefined where a newer release is live
 */
export async function defineSchedules(
  database: Database,
  release: number,
  schedules: readonly DefinedSchedule[],
  tasks: readonly string[],
): Promise<readonly string[] | undefined> {
  return database.transaction(async (tx) => {
    await tx.run(lock);
    const [found] = await tx.run<{ release: number; now: Date }>(newest);
    if (found === undefined || found.release > release) return;
    for (const { name, cron, timeZone, task, lane, payload, older } of schedules)
      await tx.run(put, [
        name,
        release,
        cron,
        timeZone,
        task,
        lane,
        payload,
        older,
        nextTick(cron, timeZone, found.now),
      ]);
    const removed = await tx.run<{ name: string }>(prune, [schedules.map(({ name }) => name), tasks]);
    return removed.map(({ name }) => name);
  });
}

const due = statement(
  "schedules_due",
  sql`
  select name, cron, time_zone as "timeZone", task, lane, payload, older, next_at as tick, now() as now
  from taskmaster.schedule
  where next_at <= now()
  order by next_at
  limit 100
  for update skip locked
  `,
);

const fire = statement(
  "schedules_fire",
  sql`
  with ticked as (
    insert into taskmaster.schedule_tick (schedule, tick, job_id) values ($1, $2, $3)
    on conflict do nothing
    returning job_id
  )
  insert into taskmaster.job (id, lane, run_at, enqueued_at, payload, older)
  select job_id, $4, clock_timestamp(), clock_timestamp(), $5, $6 from ticked
  returning id
  `,
);

const advance = statement(
  "schedules_advance",
  sql`update taskmaster.schedule set last_at = $2, next_at = $3 where name = $1`,
);

export interface FiredTick {
  readonly schedule: string;
  readonly task: string;
  readonly tick: Date;
  readonly job: string;
  readonly lane: number;
}

/** Enqueues what is due: one job for each schedule, however many ticks have been missed. */
export async function fireSchedules(
  database: Database,
  takeNumbers: (count: number) => Promise<string[]>,
): Promise<FiredTick[]> {
  return database.transaction(async (tx) => {
    const rows = await tx.run<DefinedSchedule & { tick: Date; now: Date }>(due);
    const numbers = rows.length > 0 ? await takeNumbers(rows.length) : [];
    const fired: FiredTick[] = [];
    for (const [index, { name, cron, timeZone, task, lane, payload, older, tick, now }] of rows.entries()) {
      const job = numbers[index] ?? "";
      const written = await tx.run(fire, [name, tick, job, lane, payload, older]);
      await tx.run(advance, [name, tick, nextTick(cron, timeZone, now) ?? "infinity"]);
      if (written.length > 0) fired.push({ schedule: name, task, tick, job, lane });
    }
    return fired;
  });
}

const nextDue = statement(
  "schedules_next_due",
  sql`select (extract(epoch from min(next_at) - now()) * 1000)::float8 as "inMs" from taskmaster.schedule where next_at < 'infinity'`,
);

/** In how many milliseconds the next tick is due; infinity where none is. */
export async function nextTickInMs(database: Database): Promise<number> {
  const [found] = await database.query<{ inMs: number | null }>(nextDue);
  return found?.inMs ?? Number.POSITIVE_INFINITY;
}

const list = statement(
  "schedules_list",
  sql`
  select schedule.name, schedule.cron, schedule.time_zone as "timeZone", schedule.task, release.name as release,
    schedule.last_at as "lastAt", case when schedule.next_at < 'infinity' then schedule.next_at end as "nextAt"
  from taskmaster.schedule join taskmaster.release on release.id = schedule.release
  order by schedule.name
  `,
);

export interface ListedSchedule {
  readonly name: string;
  readonly cron: string;
  readonly timeZone: string;
  readonly task: string;
  /** Whose definition it is. */
  readonly release: string;
  readonly lastAt: Date | null;
  /** Null where it never fires again. */
  readonly nextAt: Date | null;
}

export function listSchedules(database: Database): Promise<ListedSchedule[]> {
  return database.query<ListedSchedule>(list);
}
