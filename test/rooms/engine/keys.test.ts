import { expect, test } from "vitest";
import { runWithin } from "../../../src/engine/database.ts";
import { enqueueKeyed, enqueueWithin, type KeyedJob } from "../../../src/engine/enqueue.ts";
import { parkJobs, succeedJobs } from "../../../src/engine/settle.ts";
import { type TestDatabase, testDatabase } from "../../setup/database.ts";
import { newJobs, type Process, register, short, success } from "./cast.ts";
import { Stepped } from "./stepped.ts";

async function keyed({ database }: TestDatabase, ...keys: string[]): Promise<KeyedJob[]> {
  const jobs = await newJobs(
    database,
    short,
    keys.map((_, n) => ({ n })),
  );
  return jobs.map((job, index) => ({ ...job, task: "short", key: keys[index] ?? "" }));
}

const enqueueOn = (on: Stepped, jobs: readonly KeyedJob[]) => enqueueKeyed(on.query.bind(on), jobs);

async function succeedAll({ database }: TestDatabase, worker: Process): Promise<void> {
  const jobs = await worker.claim();
  await succeedJobs(database, worker.id, jobs.map(success), [worker.batch]);
}

async function count({ sql }: TestDatabase): Promise<number> {
  const { rows } = await sql.query("select count(*)::int as count from taskmaster.job");
  return rows[0]?.count;
}

test("of two enqueues with one key, the second answers with the first one's number", async () => {
  const place = await testDatabase();
  const on = new Stepped(place.url);
  const [first, second] = [await keyed(place, "a"), await keyed(place, "a")];
  expect(await enqueueOn(on, first)).toEqual([{ id: first[0]?.id, duplicate: false }]);
  expect(await enqueueOn(on, second)).toEqual([{ id: first[0]?.id, duplicate: true }]);
  expect(await count(place)).toBe(1);
});

test("keys are each task's own", async () => {
  const place = await testDatabase();
  const on = new Stepped(place.url);
  const [one, other] = await keyed(place, "a", "a");
  if (!one || !other) throw new Error("Two were to be made.");
  expect(await enqueueOn(on, [one, { ...other, task: "another" }])).toMatchObject([
    { duplicate: false },
    { duplicate: false },
  ]);
});

test("the same key from two connections at once: the second waits, and is a duplicate where the first commits", async () => {
  const place = await testDatabase();
  const [left, right] = [await new Stepped(place.url).begin(), await new Stepped(place.url).begin()];
  const [first, second] = [await keyed(place, "a"), await keyed(place, "a")];
  await enqueueOn(left, first);
  const waiting = enqueueOn(right, second);
  await right.waits(place.sql);
  await left.commit();
  expect(await waiting).toEqual([{ id: first[0]?.id, duplicate: true }]);
  await right.commit();
  expect(await count(place)).toBe(1);
});

test("and is written where the first is rolled back", async () => {
  const place = await testDatabase();
  const [left, right] = [await new Stepped(place.url).begin(), await new Stepped(place.url).begin()];
  const [first, second] = [await keyed(place, "a"), await keyed(place, "a")];
  await enqueueOn(left, first);
  const waiting = enqueueOn(right, second);
  await right.waits(place.sql);
  await left.rollback();
  expect(await waiting).toEqual([{ id: second[0]?.id, duplicate: false }]);
  await right.commit();
  expect(await count(place)).toBe(1);
});

test("a key that is freed between the refusal and the look at its owner is taken after all", async () => {
  const place = await testDatabase();
  const worker = await register(place.database);
  const on = new Stepped(place.url);
  const [first, second] = [await keyed(place, "a"), await keyed(place, "a")];
  await enqueueOn(on, first);
  let looks = 0;
  const outcome = await enqueueKeyed(async (statement, values) => {
    // The owner succeeds just before the second enqueue asks who it is.
    if (statement.name.endsWith("key_owners") && looks++ === 0) await succeedAll(place, worker);
    return on.query(statement, values ?? []);
  }, second);
  expect(outcome).toEqual([{ id: second[0]?.id, duplicate: false }]);
  expect(looks).toBe(2);
});

test("of one batch's duplicates, the first is written and the others name it", async () => {
  const place = await testDatabase();
  const on = new Stepped(place.url);
  const jobs = await keyed(place, "b", "a", "b", "a", "c");
  const [b, a, , , c] = jobs.map(({ id }) => id);
  expect(await enqueueOn(on, jobs)).toEqual([
    { id: b, duplicate: false },
    { id: a, duplicate: false },
    { id: b, duplicate: true },
    { id: a, duplicate: true },
    { id: c, duplicate: false },
  ]);
  expect(await count(place)).toBe(3);
});

test("batches with the same keys in other orders never wait for each other in a circle", async () => {
  const place = await testDatabase();
  const keys = Array.from({ length: 40 }, (_, index) => `key ${index}`);
  const orders = [keys, [...keys].reverse(), [...keys.slice(20), ...keys.slice(0, 20)], [...keys].sort()];
  const batches = await Promise.all(orders.map((order) => keyed(place, ...order)));
  for (let round = 0; round < 5; round++) {
    const worker = await register(place.database);
    const outcomes = await Promise.all(batches.map((jobs) => enqueueOn(new Stepped(place.url), jobs)));
    expect(outcomes.flat().filter(({ duplicate }) => !duplicate)).toHaveLength(40);
    expect(await count(place)).toBe(40);
    await worker.claim();
    await place.sql.query(
      "delete from taskmaster.job; delete from taskmaster.unique_key; delete from taskmaster.claim",
    );
  }
});

test("a key is free again when its job has succeeded or failed, and not while it is held", async () => {
  const place = await testDatabase();
  const { database } = place;
  const on = new Stepped(place.url);
  const worker = await register(database);
  await enqueueOn(on, await keyed(place, "a"));
  await succeedAll(place, worker);
  for (const state of ["failed", "held"] as const) {
    expect(await enqueueOn(on, await keyed(place, "a")), state).toMatchObject([{ duplicate: false }]);
    const [job] = await worker.claim();
    if (job) await parkJobs(database, worker.id, [{ ...job, state, reason: "x", detail: "" }]);
  }
  expect(await enqueueOn(on, await keyed(place, "a"))).toMatchObject([{ duplicate: true }]);
});

test("odd keys are keys", async () => {
  const place = await testDatabase();
  const on = new Stepped(place.url);
  const odd = [
    "",
    " ",
    "NULL",
    "null",
    "{}",
    '"',
    "\\",
    "a,b",
    "{a,b}",
    "ü€😀",
    "'; drop",
    "\n",
    "$1",
    "x".repeat(512),
  ];
  expect((await enqueueOn(on, await keyed(place, ...odd))).map(({ duplicate }) => duplicate)).toEqual(
    odd.map(() => false),
  );
  const { rows } = await place.sql.query("select key from taskmaster.unique_key");
  expect(rows.map(({ key }) => key).sort()).toEqual([...odd].sort());
  expect((await enqueueOn(on, await keyed(place, ...odd))).map(({ duplicate }) => duplicate)).toEqual(
    odd.map(() => true),
  );
});

test("within a transaction of the caller's, every parameter is a text, a number or null: any library can pass it", async () => {
  const place = await testDatabase();
  const client = await place.sql.connect();
  const passed: unknown[] = [];
  const within = {
    query: (text: string, values: unknown[]) => {
      passed.push(...values);
      return client.query(text, values);
    },
  };
  await client.query("begin");
  await enqueueKeyed(runWithin(within), await keyed(place, "a", 'b"\\,{}'));
  await enqueueWithin(within, await newJobs(place.database, short, [{ n: 1 }]));
  await client.query("rollback");
  client.release();
  expect(passed.filter((value) => value !== null && !["string", "number"].includes(typeof value))).toEqual([]);
  expect(await count(place)).toBe(0);
});

test("in a caller's REPEATABLE READ transaction, a key that was taken meanwhile is an error, not a wait for ever", async () => {
  const place = await testDatabase();
  const client = await place.sql.connect();
  await client.query("begin isolation level repeatable read");
  await client.query("select");
  await client.query("select count(*) from taskmaster.job");
  await enqueueOn(new Stepped(place.url), await keyed(place, "a"));
  await expect(enqueueKeyed(runWithin(client), await keyed(place, "a"))).rejects.toMatchObject({ code: "40001" });
  await client.query("rollback");
  client.release();
});
