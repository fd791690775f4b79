import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { Database } from "../../../src/engine/database.ts";
import { enqueueJobs, type NewJob } from "../../../src/engine/enqueue.ts";
import { JobNumbers } from "../../../src/engine/job-numbers.ts";
import { type TestDatabase, testDatabase } from "../../setup/database.ts";
import { lockIsWaitedFor } from "../../setup/locks.ts";
import { newJobs, register, short } from "./cast.ts";

/** Large batches are copied: they keep every promise of the insert that writes small ones. */

const count = 500;
const patience = { forMs: 5_000, notify: false };

/** A batch that is large enough to be copied. */
const large = ({ database }: TestDatabase) =>
  newJobs(
    database,
    short,
    Array.from({ length: count }, (_, n) => ({ n })),
  );

async function written({ sql }: TestDatabase): Promise<string[]> {
  const { rows } = await sql.query<{ id: string }>("select id::text from taskmaster.job order by job.id");
  return rows.map(({ id }) => id);
}

/** A connection in whose open transaction nobody else may write a job. */
async function blocking({ sql }: TestDatabase) {
  const client = await sql.connect();
  await client.query("begin; lock table taskmaster.job in share mode");
  return client;
}

const ids = (jobs: readonly NewJob[]) => jobs.map(({ id }) => id);

test("every JSON text is kept as it is, and so is what older releases get", async () => {
  const place = await testDatabase();
  const [model] = await newJobs(place.database, short, [{ n: 0 }]);
  if (model === undefined) throw new Error("One was to be made.");
  const texts = fc.jsonValue({ stringUnit: "binary" }).map((value) => JSON.stringify(value));
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(texts, fc.option(texts)), { minLength: count, maxLength: count }),
      async (payloads) => {
        const numbers = await new JobNumbers(place.database).take(count);
        const jobs = payloads.map(([payload, older], n) => ({ ...model, id: numbers[n] ?? "", payload, older }));
        await enqueueJobs(place.database, jobs, patience);
        const { rows } = await place.sql.query<{ payload: string; older: string | null }>(
          "select payload::text, older::text from taskmaster.job where id = any($1::bigint[]) order by job.id",
          [numbers],
        );
        expect(rows.map(({ payload, older }) => [payload, older])).toEqual(payloads);
      },
    ),
    {
      numRuns: 10,
      examples: [[Array.from({ length: count }, (): [string, string] => ['"\\\\N\\t\\u0000\\\\."', '"\\n"'])]],
    },
  );
  await place.sql.query("delete from taskmaster.job");
});

test("they are due when they are written, and a worker claims them", async () => {
  const place = await testDatabase();
  const clock = async () => (await place.sql.query<{ now: Date }>("select now()")).rows[0]?.now.getTime() ?? 0;
  const before = await clock();
  const jobs = await large(place);
  await enqueueJobs(place.database, jobs, patience);
  const after = await clock();
  const claimed = await (await register(place.database)).claim({ quota: 1_000 });
  expect(claimed.map(({ id }) => id)).toEqual(ids(jobs));
  for (const { runAt, enqueuedAt } of claimed) {
    expect(runAt / 1_000).toBeGreaterThanOrEqual(before);
    expect(runAt / 1_000).toBeLessThanOrEqual(after + 1);
    expect(enqueuedAt).toBe(runAt);
  }
});

test("a batch that the database refuses leaves nothing, and the next one is written", async () => {
  const place = await testDatabase();
  const jobs = await large(place);
  const [first] = jobs;
  if (first === undefined) throw new Error("Many were to be made.");
  await expect(enqueueJobs(place.database, [...jobs, first], patience)).rejects.toMatchObject({ code: "23505" });
  expect(await written(place)).toEqual([]);
  await enqueueJobs(place.database, jobs, patience);
  expect(await written(place)).toEqual(ids(jobs));
});

test("behind a pooler, where nothing belongs to a session, they are written too", async () => {
  const place = await testDatabase();
  const pooled = new Database({ url: place.url, sessions: false });
  onTestFinished(() => pooled.end());
  const jobs = await large(place);
  await enqueueJobs(pooled, jobs, patience);
  expect(await written(place)).toEqual(ids(jobs));
});

test("a connection that is lost while they are copied costs a second try, and they are there once", async () => {
  const place = await testDatabase();
  const jobs = await large(place);
  const blocker = await blocking(place);
  const enqueueing = enqueueJobs(place.database, jobs, patience);
  await lockIsWaitedFor(place.sql, "the copy waits");
  await blocker.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
  );
  await blocker.query("commit");
  blocker.release();
  await enqueueing;
  expect(await written(place)).toEqual(ids(jobs));
});

test("a database that falls silent while they are copied is given up in time", async () => {
  const place = await testDatabase();
  const jobs = await large(place);
  const blocker = await blocking(place);
  await expect(enqueueJobs(place.database, jobs, { forMs: 300, notify: false })).rejects.toMatchObject({
    code: "TASKMASTER_DATABASE_UNAVAILABLE",
    uncertain: true,
  });
  await blocker.query("commit");
  blocker.release();
});
