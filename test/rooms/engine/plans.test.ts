import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { lastReaderOf } from "../../../src/engine/backlog.ts";
import { beginAttempts } from "../../../src/engine/begin.ts";
import { ownedJobs, probeLanes } from "../../../src/engine/claim.ts";
import { enqueueJobs, enqueueKeyed } from "../../../src/engine/enqueue.ts";
import { writeEvent } from "../../../src/engine/event.ts";
import { listLanes } from "../../../src/engine/lanes.ts";
import { cancelByHand, retryByHand } from "../../../src/engine/manage.ts";
import { releaseJobs } from "../../../src/engine/release.ts";
import { rescueOrphans } from "../../../src/engine/rescue.ts";
import { parkJobs, recordOverrun, retryJobs, succeedJobs } from "../../../src/engine/settle.ts";
import { type TestDatabase, testDatabase } from "../../setup/database.ts";
import { enqueue, interruptible, newJobs, register, retryable, short, success } from "./cast.ts";
import { Explaining, nodesOf } from "./explained.ts";

/**
 * What a statement costs must not depend on how many jobs there are, least of all on those that this worker cannot read. The planner
 * knows nothing of our arrays, and its statistics are of a queue that was empty, or full, or never looked at: in each case every statement
 * must find jobs by an index, and look at no more pages than its own jobs need. Nor may it compare each of the jobs that it is given with each
 * other one: a thousand would take a million comparisons, of half a second.
 */
const unreadable = 190_000;
const readableJobs = 10_000;

async function backlog({ database, sql }: TestDatabase): Promise<void> {
  for (const task of [short, retryable, interruptible]) await enqueue(database, task);
  await sql.query(`
    insert into taskmaster.lane (queue, task, min_revision, max_revision, priority) values ('default', 'unreadable', 9, 9, 1);
    insert into taskmaster.job (id, lane, run_at, enqueued_at, payload)
    select 1000000 + n, (select id from taskmaster.lane where task = 'unreadable'), now() - interval '1 h', now(), '{"n":1}'
    from generate_series(1, ${unreadable}) as n;
    insert into taskmaster.job (id, lane, run_at, enqueued_at, payload)
    select 2000000 + n, lane.id, now() - interval '1 s' * (${readableJobs} - n), now(), '{"n":1}'
    from generate_series(1, ${readableJobs}) as n join taskmaster.lane on lane.task <> 'unreadable' and lane.id % 3 = n % 3;
    insert into taskmaster.parked
    select 3000000 + n, 'failed', 'attempts-exhausted', '', now(), null, 1, now(), now(), 1, 1, 0, 0, null, '{}', null
    from generate_series(1, 20000) as n;
    insert into taskmaster.failure (job_id, delivery, kind, name, message)
    select 3000000 + n, 1, 'error', 'Error', 'no' from generate_series(1, 20000) as n;
    insert into taskmaster.event_wait (event, job_id)
    select case when n <= 10 then 'plans.awaited' else 'plans.other' end, 2000000 + n from generate_series(1, ${readableJobs}) as n;
    insert into taskmaster.unique_key select 'keyed', n::text, 4000000 + n from generate_series(1, 20000) as n;
    insert into taskmaster.job (id, lane, run_at, enqueued_at, keyed, payload)
    select 4000000 + n, (select id from taskmaster.lane where task = 'unreadable'), now(), now(), true, '{"n":1}'
    from generate_series(1, 20000) as n;
  `);
}

/** A queue that was longer before: its indexes have more pages than jobs would need. */
async function shortened({ database, sql }: TestDatabase): Promise<void> {
  await enqueue(database, short);
  await sql.query(`
    insert into taskmaster.job (id, lane, run_at, enqueued_at, payload)
    select 9000000 + n, 1, now(), now(), '{"n":1}' from generate_series(1, 10000) as n;
    delete from taskmaster.job where id > 9000000;
  `);
}

/** Everything that a worker and its producers do all the time, with a batch of ten. */
async function aDaysWork(on: Explaining, { database }: TestDatabase): Promise<void> {
  const worker = await register(database);
  const gone = await register(database);
  const jobs = await newJobs(
    database,
    short,
    Array.from({ length: 10 }, (_, n) => ({ n })),
  );
  const keyed = (
    await newJobs(
      database,
      short,
      Array.from({ length: 10 }, (_, n) => ({ n })),
    )
  ).map((job, n) => ({
    ...job,
    task: "short",
    key: String(n),
  }));
  await gone.claim({ quota: 5 });
  await on.begin();
  await on.sql("update taskmaster.process set died_at = now() where id = $1", [gone.id]);

  await listLanes(on);
  await probeLanes(
    on,
    (await listLanes(on)).map(({ id }) => id),
  );
  const claimed = await worker.claim({ on, quota: 20, starting: 5 });
  expect(claimed).toHaveLength(60);
  expect(await worker.claim({ on, quota: 20, backlog: true })).toHaveLength(60);
  await ownedJobs(on, worker.id);
  const ten = (from: number) => claimed.slice(from, from + 10);
  const failure = { kind: "error", name: "Error", message: "no", stack: null } as const;
  expect(await beginAttempts(on, worker.id, ten(10))).toHaveProperty("size", 10);
  expect(await succeedJobs(on, worker.id, ten(0).map(success), [])).toEqual([]);
  expect(
    await retryJobs(
      on,
      worker.id,
      ten(10).map((job) => ({ ...job, waitMs: 1_000, failure })),
    ),
  ).toHaveProperty("size", 10);
  expect(
    await parkJobs(
      on,
      worker.id,
      ten(20).map((job) => ({ ...job, state: "failed", reason: "x", detail: "", failure })),
    ),
  ).toHaveProperty("size", 10);
  expect(
    await releaseJobs(
      on,
      worker.id,
      ten(30).map((job) => ({ ...job, interrupted: true })),
    ),
  ).toHaveLength(10);
  const parked = Array.from({ length: 10 }, (_, n) => String(3_000_001 + n));
  expect(await retryByHand(on, parked)).toHaveLength(10);
  expect(await cancelByHand(on, [...parked, ...keyedIds])).toHaveLength(20);
  await writeEvent((statement, values) => on.query(statement, values), {
    call: randomUUID(),
    name: "plans.awaited",
    revision: null,
    payload: "{}",
    older: null,
  });
  await recordOverrun(on, worker.id, claimed[40] ?? { id: "0", delivery: 0 }, "late");
  await enqueueJobs(on, jobs, { forMs: 0, notify: false });
  await enqueueKeyed((statement, values) => on.query(statement, values), keyed);
  expect((await rescueOrphans(on)).flatMap(({ jobs }) => jobs)).toHaveLength(15);
  await lastReaderOf(on, worker.id);
  await on.rollback();
}

/** Some of the backlog's keyed jobs. */
const keyedIds = Array.from({ length: 10 }, (_, n) => String(4_000_001 + n));

type Analysed = "never" | "empty" | "short" | "full";

test.each<readonly [string, Analysed]>([
  ["were never made", "never"],
  ["were made when it was empty", "empty"],
  ["were made when it was short", "short"],
  ["were made when it was full", "full"],
])("a queue whose statistics %s", async (_, analysed) => {
  const place = await testDatabase();
  if (analysed === "short") await shortened(place);
  if (analysed === "empty" || analysed === "short") await place.sql.query("vacuum analyze");
  await backlog(place);
  if (analysed === "full") await place.sql.query("vacuum analyze");
  const explaining = new Explaining(place.url);
  await aDaysWork(explaining, place);

  const wrong: string[] = [];
  for (const { statement, root, pages } of explaining.plans) {
    for (const node of nodesOf(root)) {
      const compared = (node["Rows Removed by Join Filter"] ?? 0) * node["Actual Loops"];
      if (compared > 40) wrong.push(`${statement}: compares each with each`);
      const { "Relation Name": table, "Node Type": type } = node;
      if (table === undefined || type === "ModifyTable") continue;
      const large = ["job", "parked", "unique_key", "failure", "event_wait"].includes(table);
      const found = node["Index Cond"] !== undefined || node["TID Cond"] !== undefined;
      if (node["Index Name"] === "job_line" && !/lane/.test(String(node["Index Cond"])))
        wrong.push(`${statement}: walks through the whole line`);
      if (large && !found) wrong.push(`${statement}: ${type} of ${table} without a condition`);
      const rows = node["Actual Rows"] + (node["Rows Removed by Filter"] ?? 0); // of each loop
      if (large && rows > 1_000) wrong.push(`${statement}: ${type} of ${table} reads ${rows} rows`);
    }
    if (pages > 800) wrong.push(`${statement} looks at ${pages} pages`);
  }
  expect(wrong).toEqual([]);
});
