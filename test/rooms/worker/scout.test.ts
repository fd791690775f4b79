import { expect, test } from "vitest";
import { claimJobs } from "../../../src/engine/claim.ts";
import type { ClaimedJob } from "../../../src/engine/claimed-job.ts";
import { Scout } from "../../../src/worker/scout.ts";
import { TaskTable } from "../../../src/worker/task-table.ts";
import { type TestDatabase, testDatabase } from "../../setup/database.ts";
import { lockIsWaitedFor } from "../../setup/locks.ts";
import { enqueue, interruptible, register } from "../engine/cast.ts";

/** A worker that does nothing but look for jobs: a scout, and claims as the loop makes them, a step at a time. */
async function looking({ database }: TestDatabase) {
  const { id } = await register(database);
  const scout = new Scout(database, new TaskTable([interruptible]), null);
  let batch = 0;
  const plan = (room: number) => scout.plan(room, 10, () => true);
  return {
    scout,
    plan,
    /** Claims as planned; the answer is on its way until `scout.learn` is told. */
    claim: (lanes: ReturnType<typeof plan>) => claimJobs(database, { process: id, batch: ++batch, lanes, starting: 0 }),
    /** Looks from the lanes' beginnings, claims and learns. */
    async round({ room = 10, sweep = false } = {}): Promise<readonly ClaimedJob[]> {
      if (sweep) scout.sweepSoon();
      await scout.survey();
      const lanes = plan(room);
      const jobs = lanes.length > 0 ? await this.claim(lanes) : [];
      scout.learn(lanes, jobs);
      return jobs;
    },
  };
}

const ids = (jobs: readonly { readonly id: string }[]) => jobs.map(({ id }) => id);

test("a job that was written at the same microsecond as the last claimed one, with a smaller number, is found", async () => {
  const place = await testDatabase();
  const [early, late] = await enqueue(place.database, interruptible, 2);
  // Two producers write at once, and the one with the smaller number commits last.
  await place.sql.query("update taskmaster.job set run_at = now(), lane = -lane where id = $1", [early]);
  await place.sql.query("update taskmaster.job set run_at = (select min(run_at) from taskmaster.job)");
  const worker = await looking(place);
  expect(ids(await worker.round())).toEqual([late]);
  await place.sql.query("update taskmaster.job set lane = -lane where id = $1", [early]);
  expect(ids(await worker.round({ sweep: true }))).toEqual([early]);
});

test("a notification that comes while a claim is on its way is not forgotten", async () => {
  const place = await testDatabase();
  await enqueue(place.database, interruptible);
  const worker = await looking(place);
  await worker.scout.survey();
  const lanes = worker.plan(10);
  const first = await worker.claim(lanes);
  const [missed] = await enqueue(place.database, interruptible);
  expect(worker.scout.wake(lanes.map(({ lane }) => ({ lane, inMs: 0 })))).toBe(true);
  worker.scout.learn(lanes, first);
  expect(ids(await worker.claim(worker.plan(10)))).toEqual([missed]);
});

test("what went back to the queue while a claim was on its way is looked for where it stands", async () => {
  const place = await testDatabase();
  const written = await enqueue(place.database, interruptible, 3);
  const worker = await looking(place);
  await worker.scout.survey();
  const lanes = worker.plan(3);
  const jobs = await worker.claim(lanes);
  expect(ids(jobs)).toEqual(written);
  await place.sql.query("update taskmaster.job set worker = null where id = $1", [written[0]]);
  worker.scout.returned(lanes.map(({ lane }) => lane));
  worker.scout.learn(lanes, jobs);
  expect(ids(await worker.claim(worker.plan(3)))).toEqual([written[0]]);
});

test("the same while two claims are on their way: the answer to the first does not hide it from those after the second", async () => {
  const place = await testDatabase();
  const written = await enqueue(place.database, interruptible, 6);
  const worker = await looking(place);
  const giveBack = (id = "") => place.sql.query("update taskmaster.job set worker = null where id = $1", [id]);
  expect(ids(await worker.round({ room: 3 }))).toEqual(written.slice(0, 3));
  const first = worker.plan(3);
  const itsJobs = await worker.claim(first);
  expect(ids(itsJobs)).toEqual(written.slice(3));
  await giveBack(written[0]);
  worker.scout.returned(first.map(({ lane }) => lane));
  const second = worker.plan(1);
  await giveBack(written[1]);
  worker.scout.learn(first, itsJobs);
  const third = worker.plan(1);
  expect(ids(await worker.claim(second))).toEqual([written[0]]);
  expect(ids(await worker.claim(third))).toEqual([written[1]]);
});

test("two workers at one backlog take all of it in its order, and what comes back with the next look", async () => {
  const place = await testDatabase();
  const written = await enqueue(place.database, interruptible, 24);
  const [one, two] = [await looking(place), await looking(place)];
  await one.scout.survey();
  await two.scout.survey();
  const taken: string[] = [];
  const round = async ({ scout, plan, claim }: typeof one) => {
    const lanes = plan(3);
    const jobs = await claim(lanes);
    scout.learn(lanes, jobs);
    taken.push(...ids(jobs));
  };
  for (const worker of [one, two, two, one, two, one, one]) await round(worker);
  expect(taken).toEqual(written.slice(0, 21));
  const back = written[4] ?? "";
  await place.sql.query("update taskmaster.job set worker = null where id = $1", [back]);
  await round(two); // goes on where it was
  expect(taken).toEqual(written);
  expect(ids(await two.round({ sweep: true }))).toEqual([back]);
});

test("a job that was committed after later ones is found by the claim that its notification causes", async () => {
  const place = await testDatabase();
  const worker = await looking(place);
  await enqueue(place.database, interruptible);
  await worker.round();
  for (let round = 0; round < 3; round++) {
    const [slow, quick] = await enqueue(place.database, interruptible, 2);
    // The slow one's transaction is still open when the other one is claimed.
    const hide = "update taskmaster.job set lane = -lane where id = $1";
    await place.sql.query(hide, [slow]);
    const [lane] = await wakeAll(place, worker.scout);
    expect(ids(await worker.round())).toEqual([quick]);
    await place.sql.query(hide, [slow]);
    worker.scout.wake([{ lane: lane ?? 0, inMs: 0 }]);
    expect(ids(await worker.claim(worker.plan(10)))).toEqual([slow]);
  }
});

test("a lane that is told of while all lanes are looked at, and is not among them yet, is looked for at once", async () => {
  const place = await testDatabase();
  const { database, sql } = place;
  const { scout } = await looking(place);
  await enqueue(database, interruptible);
  await scout.survey();
  const holder = await sql.connect();
  await holder.query("begin; lock table taskmaster.job in access exclusive mode");
  scout.sweepSoon();
  const look = scout.survey();
  await lockIsWaitedFor(sql, "the look has read the lanes, and waits for the jobs");
  scout.wake([{ lane: 4_711, inMs: 0 }]);
  await holder.query("rollback");
  holder.release();
  await look;
  expect(scout.idleMs()).toBe(0);
  await scout.survey();
  expect(scout.idleMs()).toBeGreaterThan(0);
});

async function wakeAll({ sql }: TestDatabase, scout: Scout): Promise<number[]> {
  const { rows } = await sql.query<{ id: number }>("select id from taskmaster.lane");
  const lanes = rows.map(({ id }) => id);
  scout.wake(lanes.map((lane) => ({ lane, inMs: 0 })));
  return lanes;
}
