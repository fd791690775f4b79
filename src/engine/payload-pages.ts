import type { Database } from "./database.ts";
import { sql, statement } from "./statement.ts";

/**
 * All payloads that have not been done yet, in pages, for a look at them. Nothing is locked and nothing is written: each page is one
 * short read by the primary key, so that neither workers nor vacuum have to wait for it, and it may go on for as long as it takes.
 *
 * A job that fails meanwhile is seen twice at most; one that a person gives back meanwhile may be missed.
 */
export interface PayloadPage {
  readonly lane: number;
  readonly jobs: number;
  /** Numbers, separated by commas. */
  readonly ids: string;
  /** A JSON list of the payloads; null where the lane was not asked for. */
  readonly payloads: string | null;
}

/** Lanes whose payloads are wanted, each at its producer's own revision or, where one is named, at an older one. */
export interface WantedPayloads {
  readonly lane: number;
  readonly older?: number;
}

type Place = "queue" | "parked";

// The parameters: after, up to, limit, lanes, revisions.
const queued = statement(
  "payloads_queued",
  sql`
  with page as (
    select id, lane, payload, older from taskmaster.job where id > $1 and id <= $2 order by id limit $3
  ), wanted as (
    select lane, older as at from unnest($4::int[], $5::text[]) as asked (lane, older)
  )
  select page.lane, count(*)::int as jobs, max(page.id) as last, string_agg(page.id::text, ',' order by page.id) as ids,
    case when wanted.lane is not null then
      '[' || string_agg(coalesce(case when wanted.at is null then page.payload else page.older -> wanted.at end::text, 'null'), ',' order by page.id) || ']'
    end as payloads
  from page left join wanted on wanted.lane = page.lane
  group by page.lane, wanted.lane
  `,
);

const parked = statement(
  "payloads_parked",
  sql`
  with page as (
    select id, lane, payload, older from taskmaster.parked
    where id > $1 and id <= $2 and state in ('failed', 'held') order by id limit $3
  ), wanted as (
    select lane, older as at from unnest($4::int[], $5::text[]) as asked (lane, older)
  )
  select page.lane, count(*)::int as jobs, max(page.id) as last, string_agg(page.id::text, ',' order by page.id) as ids,
    case when wanted.lane is not null then
      '[' || string_agg(coalesce(case when wanted.at is null then page.payload else page.older -> wanted.at end::text, 'null'), ',' order by page.id) || ']'
    end as payloads
  from page left join wanted on wanted.lane = page.lane
  group by page.lane, wanted.lane
  `,
);

const extent = statement(
  "payloads_extent",
  sql`
  select (select max(id) from taskmaster.job) as queue, (select max(id) from taskmaster.parked) as parked,
    ((select count(*) from taskmaster.job) + (select count(*) from taskmaster.parked where state in ('failed', 'held')))::float8 as jobs
  `,
);

export interface Extent {
  /** The highest numbers: what is enqueued later is not looked at, so that the look comes to an end. */
  readonly queue: string | null;
  readonly parked: string | null;
  readonly jobs: number;
}

export async function payloadExtent(database: Database): Promise<Extent> {
  const [found] = await database.query<Extent>(extent);
  return found ?? { queue: null, parked: null, jobs: 0 };
}

/** A page is about this many bytes, so that a million large payloads need no more memory than a million small ones. */
const pageBytes = 4_000_000;
const mostJobs = 10_000;

/** Every payload of the queue, then of what is parked; each page once, by lane. */
export async function* payloadPages(
  database: Database,
  { queue, parked: last }: Extent,
  wanted: readonly WantedPayloads[],
): AsyncGenerator<readonly PayloadPage[]> {
  yield* pagesOf(database, "queue", queue, wanted);
  yield* pagesOf(database, "parked", last, wanted);
}

async function* pagesOf(
  database: Database,
  place: Place,
  last: string | null,
  wanted: readonly WantedPayloads[],
): AsyncGenerator<readonly PayloadPage[]> {
  if (last === null) return;
  const lanes = [
    wanted.map(({ lane }) => lane),
    wanted.map(({ older }) => (older === undefined ? null : String(older))),
  ];
  const read = (after: string, limit: number) =>
    database.query<PayloadPage & { last: string }>(place === "queue" ? queued : parked, [after, last, limit, ...lanes]);
  let limit = 500;
  let next = read("-1", limit);
  for (;;) {
    const page = await next;
    const jobs = page.reduce((sum, each) => sum + each.jobs, 0);
    if (jobs === 0) return;
    const bytes = page.reduce((sum, { payloads }) => sum + (payloads?.length ?? 0), 0);
    const after = page.map((each) => BigInt(each.last)).reduce((one, other) => (one > other ? one : other));
    const isLast = jobs < limit;
    limit = Math.max(1, Math.min(mostJobs, limit * 2, Math.floor((pageBytes * jobs) / Math.max(1, bytes))));
    // The database looks for the next page while this one is worked on.
    if (!isLast) next = read(String(after), limit);
    try {
      yield page;
    } finally {
      next.catch(() => {}); // whoever stops looking need not hear of it
    }
    if (isLast) return;
  }
}
