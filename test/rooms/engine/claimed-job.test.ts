import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { toTimestamp } from "../../../src/engine/instant.ts";
import { listLanes } from "../../../src/engine/lanes.ts";
import { testDatabase } from "../../setup/database.ts";
import { enqueue, interruptible, register, short } from "./cast.ts";

test("payloads of every size come whole and in their place", async () => {
  const { database, sql } = await testDatabase();
  const written = await enqueue(database, short, 5);
  const large = { n: 7, text: 'a "quoted" \\ text,\n] of "many" bytes '.repeat(2_000), none: null };
  const put = "update taskmaster.job set payload = $2 where id = $1";
  await sql.query(put, [written[1], JSON.stringify(large, null, 2)]);
  await sql.query(put, [written[3], JSON.stringify({ n: '"],[' })]);
  await sql.query(put, [written[2], JSON.stringify({ n: 2, text: large.text })]);
  for (const payloadLength of [0, 1_000_000]) {
    const worker = await register(database);
    const jobs = await worker.claim({ payloadLength });
    expect(jobs.map(({ id }) => id)).toEqual(written);
    expect(jobs.map(({ payload }) => payload)).toEqual([
      { n: 0 },
      large,
      { n: 2, text: large.text },
      { n: '"],[' },
      { n: 4 },
    ]);
    await sql.query("update taskmaster.job set worker = null, started_at = null");
    await sql.query("truncate taskmaster.claim");
  }
});

test("many jobs, and long payloads, come in several rows, so that no text is larger than V8 keeps among others", async () => {
  const { database, sql } = await testDatabase();
  const written = await enqueue(database, short, 1_200);
  await sql.query(
    "update taskmaster.job set payload = jsonb_build_object('n', id, 'text', repeat('x', 1000)) where id % 2 = 0",
  );
  const worker = await register(database);
  const answers = vi.spyOn(database, "query");
  const texts = async (quota: number, payloadLength: number) => {
    const jobs = await worker.claim({ quota, payloadLength });
    const rows = (await answers.mock.results.at(-1)?.value) as {
      readonly payloads: string;
      readonly now: string | null;
    }[];
    return { ids: jobs.map(({ id }) => id), lengths: rows.map(({ payloads }) => payloads.length), rows };
  };
  const some = await texts(300, 500);
  expect(some.ids).toEqual(written.slice(0, 300));
  expect(some.lengths).toHaveLength(3);
  expect(Math.max(...some.lengths)).toBeLessThan(128_000);
  const others = await texts(900, 0);
  expect(others.ids).toEqual(written.slice(300));
  expect(others.lengths).toHaveLength(2);

  // Each row of jobs with large payloads has the server go through all of the claim once more.
  const large = await enqueue(database, short, 40);
  await sql.query(
    "update taskmaster.job set payload = jsonb_build_object('n', id, 'text', repeat('x', 20000)) where worker is null",
  );
  const { rows, ids } = await texts(100, 20_000);
  expect(ids).toEqual(large);
  expect(rows.filter(({ now }) => now !== null)).toHaveLength(1);
  expect(rows).toHaveLength(41);
});

test("older renditions of every size come whole and with their job", async () => {
  const { database, sql } = await testDatabase();
  const written = await enqueue(database, short, 5);
  const large = { 1: { text: 'a "quoted" \\ text,\n] of "many" bytes '.repeat(2_000) } };
  const put = "update taskmaster.job set older = $2 where id = $1";
  await sql.query(put, [written[1], JSON.stringify(large, null, 2)]);
  await sql.query(put, [written[3], JSON.stringify({ 1: { n: 3 } })]);
  await sql.query("update taskmaster.job set payload = $2, older = $2 where id = $1", [
    written[4],
    JSON.stringify(large),
  ]);
  const worker = await register(database);
  const jobs = await worker.claim({ starting: 0 });
  expect(jobs.map(({ id }) => id)).toEqual(written);
  expect(jobs.map(({ older }) => older)).toEqual([null, large, null, { 1: { n: 3 } }, large]);
  expect(jobs.map(({ payload }) => payload)).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }, { n: 3 }, large]);
});

test("times and lanes come with their job, to the microsecond", async () => {
  const { database, sql } = await testDatabase();
  const [a, b, c] = [
    await enqueue(database, short),
    await enqueue(database, interruptible),
    await enqueue(database, short),
  ];
  const times = ["1969-12-31T23:59:59.999999Z", "1999-12-31T23:59:59.000001Z", "2026-03-04T05:06:07.890123Z"];
  for (const [place, [id]] of [a, b, c].entries())
    await sql.query("update taskmaster.job set run_at = $2, enqueued_at = $3 where id = $1", [
      id,
      times[place],
      times.at(-1 - place),
    ]);
  const worker = await register(database);
  const jobs = await worker.claim();
  const lanes = new Map((await listLanes(database)).map(({ id, task }) => [id, task]));
  expect(
    jobs.map(({ id, lane, runAt, enqueuedAt }) => [id, lanes.get(lane), toTimestamp(runAt), toTimestamp(enqueuedAt)]),
  ).toEqual([
    [a[0], "short", times[0], times[2]],
    [b[0], "interruptible", times[1], times[1]],
    [c[0], "short", times[2], times[0]],
  ]);
});

test("whatever a job holds comes as it was written, beside others that hold something else", async () => {
  const { database, sql } = await testDatabase();
  const job = fc.record({
    payload: fc.json({ noUnicodeString: false }).filter((text) => !text.includes("\\u0000")),
    indent: fc.constantFrom(0, 1, "\t"),
    delivery: fc.integer({ min: 1, max: 9 }),
    failures: fc.integer({ min: 0, max: 9 }),
    crashes: fc.integer({ min: 0, max: 9 }),
    interruptions: fc.integer({ min: 0, max: 9 }),
    keyed: fc.boolean(),
    unstarted: fc.option(fc.integer({ min: 1, max: 9 }), { nil: 0 }),
    older: fc.option(fc.dictionary(fc.constantFrom("1", "2", "17"), fc.jsonValue())),
  });
  const lengths = fc.constantFrom(0, 2_000, 1_000_000); // of the payloads before: for one row, four, or as many as jobs
  await fc.assert(
    fc.asyncProperty(
      fc.array(job, { minLength: 1, maxLength: 20 }),
      fc.nat(20),
      lengths,
      async (jobs, starting, payloadLength) => {
        await sql.query("truncate taskmaster.job, taskmaster.claim");
        const written = await enqueue(database, short, jobs.length);
        for (const [place, { payload, indent, delivery, older, ...counts }] of jobs.entries())
          await sql.query(
            `update taskmaster.job set payload = $2, older = $3, deliveries = $4, failures = $5, crashes = $6, interruptions = $7, keyed = $8, unstarted = nullif($9, 0)
           where id = $1`,
            [
              written[place],
              JSON.stringify(JSON.parse(payload), null, indent),
              older && JSON.stringify(older, null, indent),
              delivery - 1,
              ...Object.values(counts),
            ],
          );
        const worker = await register(database);
        expect(await worker.claim({ starting, payloadLength })).toMatchObject(
          jobs.map(({ indent, payload, older, ...facts }, place) => ({
            ...facts,
            id: written[place],
            started: place < starting,
            payload: JSON.parse(payload),
            older: older && JSON.parse(JSON.stringify(older)),
          })),
        );
      },
    ),
    { numRuns: 30 },
  );
  await sql.query("truncate taskmaster.job, taskmaster.claim"); // counts that no queue would have come to
});
