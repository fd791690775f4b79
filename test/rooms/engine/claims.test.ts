import { expect, test } from "vitest";
import { claimJobs, ownedJobs, probeLanes } from "../../../src/engine/claim.ts";
import type { ClaimedJob } from "../../../src/engine/claimed-job.ts";
import { listLanes } from "../../../src/engine/lanes.ts";
import { declareDead } from "../../../src/engine/liveness.ts";
import { markStopped } from "../../../src/engine/registry.ts";
import { releaseJobs } from "../../../src/engine/release.ts";
import { rescueOrphans } from "../../../src/engine/rescue.ts";
import { succeedJobs } from "../../../src/engine/settle.ts";
import { testDatabase } from "../../setup/database.ts";
import { type Claimed, enqueue, interruptible, register, short, success } from "./cast.ts";
import { Stepped } from "./stepped.ts";

const ids = (jobs: readonly { readonly id: string }[]) => jobs.map(({ id }) => id);

test("two claimers never get the same job, and neither waits for the other", async () => {
  const { url, database } = await testDatabase();
  const written = await enqueue(database, short, 10);
  const [one, two] = [await register(database), await register(database)];
  const [left, right] = [await new Stepped(url).begin(), await new Stepped(url).begin()];
  const first = await one.claim({ quota: 6, on: left });
  const second = await two.claim({ quota: 6, on: right });
  expect(ids(first)).toEqual(written.slice(0, 6));
  expect(ids(second)).toEqual(written.slice(6));
  await right.commit();
  await left.rollback(); // its jobs stay in line, where they were
  expect(ids(await two.claim())).toEqual(written.slice(0, 6));
});

test("from a backlog a claim leaves out what a running transaction has touched, and takes what others have touched before", async () => {
  const { url, database, sql } = await testDatabase();
  const written = await enqueue(database, short, 8);
  const worker = await register(database);
  const touch = "select from taskmaster.job where id = any($1) for update";
  const [old, running, within] = await Promise.all([sql.connect(), sql.connect(), sql.connect()]);
  try {
    // one that has been writing since before all others, as a long migration would
    await old.query("begin; select pg_current_xact_id()");
    await old.query(touch, [written.slice(0, 1)]);
    await running.query("begin");
    await running.query(touch, [written.slice(1, 2)]);
    await running.query("commit");
    await running.query("begin");
    await running.query(touch, [written.slice(2, 3)]);
    await running.query("rollback");
    await running.query("begin");
    await running.query(touch, [written.slice(3, 4)]);
    await within.query("begin; savepoint inner_one");
    await within.query(touch, [written.slice(4, 5)]);
    const inFlight = await new Stepped(url).begin();
    expect(ids(await worker.claim({ quota: 1, backlog: true, on: inFlight }))).toEqual(written.slice(1, 2));
    expect(ids(await worker.claim({ backlog: true }))).toEqual([...written.slice(2, 3), ...written.slice(5)]);
    await inFlight.commit();
    for (const client of [old, running, within]) await client.query("rollback");
    expect(ids(await worker.claim({ backlog: true }))).toEqual([written[0], written[3], written[4]]);
  } finally {
    for (const client of [old, running, within]) client.release(true);
  }
});

test("from a backlog a claim goes on behind what others have gone through since, and where they have not been", async () => {
  const { database } = await testDatabase();
  const written = await enqueue(database, short, 20);
  const [lane] = (await listLanes(database)).map(({ id }) => id);
  const [mine, others] = [await register(database), await register(database)];
  let batch = 0;
  const claim = (process: number, quota: number, floor?: ClaimedJob, backlogAt = floor?.claimedAt) =>
    claimJobs(database, {
      process,
      batch: ++batch,
      lanes: [{ lane: lane ?? 0, quota, floor, backlogAt }],
      starting: 0,
    });
  const anywhere = (process: number, quota: number) =>
    claimJobs(database, { process, batch: ++batch, lanes: [{ lane: lane ?? 0, quota }], starting: 0 });
  const giveBack = (jobs: readonly (ClaimedJob | undefined)[]) =>
    releaseJobs(
      database,
      others.id,
      jobs.flatMap((job) => (job ? [{ id: job.id, delivery: job.delivery, interrupted: false }] : [])),
    );

  const first = await claim(mine.id, 2);
  const older = await claim(others.id, 3, first.at(-1));
  expect(ids(older)).toEqual(written.slice(2, 5));
  await giveBack(older.slice(0, 2));
  // Who found what came back goes on from there: the stretch is older than its claim.
  const second = await anywhere(mine.id, 1);
  expect(ids(second)).toEqual([written[2]]);
  const third = await claim(mine.id, 1, second[0]);
  expect(ids(third)).toEqual([written[3]]);

  const ahead = await claim(others.id, 3, third[0]);
  expect(ids(ahead)).toEqual(written.slice(5, 8));
  const further = await claim(others.id, 3, ahead.at(-1));
  expect(ids(further)).toEqual(written.slice(8, 11));
  await giveBack([ahead[0], further[0]]);
  // The first of these stretches ends at the eighth job. The second one begins there: what lies before it is not its business.
  expect(ids(await claim(mine.id, 2, third[0]))).toEqual([written[8], written[11]]);
  // Who does not come from a backlog looks at everything.
  expect(ids(await anywhere(mine.id, 1))).toEqual([written[5]]);
});

test("what several have locked together is taken by a claim that is not from a backlog, whatever it is called in the row", async () => {
  const { database, sql } = await testDatabase();
  const written = await enqueue(database, short, 2);
  const [one, two] = await Promise.all([sql.connect(), sql.connect()]);
  try {
    for (const client of [one, two]) {
      await client.query("begin");
      await client.query("select from taskmaster.job for share");
    }
    const worker = await register(database);
    expect(await worker.claim()).toEqual([]);
    for (const client of [one, two]) await client.query("commit");
    expect(ids(await worker.claim())).toEqual(written);
  } finally {
    for (const client of [one, two]) client.release(true);
  }
});

test("a claim that is rolled back leaves no delivery behind; one that is committed counts, whoever gets the job next", async () => {
  const { url, database } = await testDatabase();
  const [id] = await enqueue(database, interruptible);
  const worker = await register(database);
  const stepped = await new Stepped(url).begin();
  expect(await worker.claim({ on: stepped })).toMatchObject([{ id, delivery: 1 }]);
  await stepped.rollback();
  const [job] = await worker.claim();
  expect(job).toMatchObject({ id, delivery: 1 });
  if (job) await releaseJobs(database, worker.id, [{ ...job, interrupted: false }]);
  expect(await (await register(database)).claim()).toMatchObject([{ id, delivery: 2, interruptions: 0 }]);
});

test("a delivery that went back before its attempt began counts for nothing when a later one's worker dies", async () => {
  const { database, sql } = await testDatabase();
  const [id] = await enqueue(database, interruptible);
  const claimed = async (counts: Partial<Claimed>) => {
    const worker = await register(database);
    const [job] = await worker.claim({ starting: 0 });
    expect(job).toMatchObject({ id, ...counts });
    const back = (interrupted: boolean) => releaseJobs(database, worker.id, job ? [{ ...job, interrupted }] : []);
    const dies = async () => {
      await sql.query("update taskmaster.process set lease_until = now() - interval '1 s' where id = $1", [worker.id]);
      expect(await declareDead(database, worker.id, "lease")).toBe(true);
      await rescueOrphans(database);
    };
    return { back, dies };
  };
  await (await claimed({ delivery: 1, unstarted: 0 })).back(false);
  await (await claimed({ delivery: 2, unstarted: 1 })).dies(); // it may have begun without a word, as a first delivery may
  await (await claimed({ delivery: 3, unstarted: 1, crashes: 1 })).dies(); // it had not: it would have been announced
  await (await claimed({ delivery: 4, unstarted: 1, crashes: 1 })).back(true);
  await (await claimed({ delivery: 5, unstarted: 1, crashes: 1, interruptions: 1 })).back(false);
  await claimed({ delivery: 6, unstarted: 2, crashes: 1, interruptions: 1 });
});

test("oldest first in each lane, by when they are due and then by number, and nothing before its time", async () => {
  const { database, sql } = await testDatabase();
  const later = await enqueue(database, short, 4, { delay: "1h" });
  const now = await enqueue(database, short, 4);
  const other = await enqueue(database, interruptible, 4);
  const worker = await register(database);
  expect(ids(await worker.claim({ quota: 3 })).sort()).toEqual([...now.slice(0, 3), ...other.slice(0, 3)].sort());
  expect(ids(await worker.claim({ quota: 3 })).sort()).toEqual([now[3], other[3]].sort());
  expect(await worker.claim()).toEqual([]);
  const [head] = await probeLanes(
    database,
    (await listLanes(database)).map(({ id }) => id),
  );
  expect(head?.dueInMs).toBeGreaterThan(3_500_000);

  const due = "update taskmaster.job set run_at = now() - $2 * interval '1 s' where id = $1";
  for (const [index, id] of later.entries()) await sql.query(due, [id, index < 2 ? 10 : 20]);
  expect(ids(await worker.claim({ quota: 3 }))).toEqual([later[2], later[3], later[0]]);
  expect((await ownedJobs(database, worker.id)).map(({ id }) => id).sort()).toEqual(
    [...now, ...other, ...later.filter((_, index) => index !== 1)].sort(),
  );
});

test("a claim takes nothing from a lane that it does not name, and nothing behind its floor", async () => {
  const { database } = await testDatabase();
  const [a, b] = await enqueue(database, short, 2, { runAt: new Date(0) });
  await enqueue(database, interruptible, 3);
  const worker = await register(database);
  const lanes = await listLanes(database);
  const lane = lanes.find(({ task }) => task === "short")?.id ?? 0;
  const [first] = await claimJobs(database, { process: worker.id, batch: 1, lanes: [{ lane, quota: 1 }], starting: 0 });
  expect(first).toMatchObject({ id: a, started: false });
  const floor = { runAt: first?.runAt ?? 0, id: first?.id ?? "" };
  if (first) await releaseJobs(database, worker.id, [{ id: first.id, delivery: first.delivery, interrupted: false }]);
  const next = await claimJobs(database, {
    process: worker.id,
    batch: 2,
    lanes: [{ lane, quota: 9, floor }],
    starting: 9,
  });
  expect(next).toMatchObject([{ id: b, started: true }]);
  const [head] = await probeLanes(database, [lane]);
  expect(head).toMatchObject({ lane, runAt: floor.runAt }); // a probe looks from the lane's beginning
});

test("as many attempts start with a claim as it says, the first ones", async () => {
  const { database } = await testDatabase();
  await enqueue(database, short, 5);
  const worker = await register(database);
  const claimed = await worker.claim({ starting: 2 });
  expect(claimed.map(({ started }) => started)).toEqual([true, true, false, false, false]);
});

test("who is dead, has stopped, or was never registered claims nothing", async () => {
  const { database, sql } = await testDatabase();
  await enqueue(database, short, 3);
  const [dead, stopped] = [await register(database), await register(database)];
  await sql.query("update taskmaster.process set lease_until = now() - interval '1 s' where id = $1", [dead.id]);
  expect(await declareDead(database, dead.id, "lease")).toBe(true);
  await markStopped(database, stopped.id);
  const lanes = (await listLanes(database)).map(({ id }) => ({ lane: id, quota: 9 }));
  for (const process of [dead.id, stopped.id, 9_999, 0, -1])
    expect(await claimJobs(database, { process, batch: 1, lanes, starting: 0 })).toEqual([]);
  expect((await sql.query("select from taskmaster.claim")).rows).toEqual([]);
  expect(await (await register(database)).claim()).toHaveLength(3);
});

test("a job that has waited for longer than an int of milliseconds is claimed like any other", async () => {
  const { database, sql } = await testDatabase();
  const [id] = await enqueue(database, short);
  await sql.query("update taskmaster.job set run_at = now() - interval '400 days'");
  const worker = await register(database);
  const [job] = await worker.claim();
  expect(job).toMatchObject({ id });
  expect(job?.waitedMs).toBeGreaterThan(2_000_000_000);
  expect(await succeedJobs(database, worker.id, job ? [{ ...success(job), ranMs: 1e12 }] : [], [1])).toEqual([]);
});

test("a job that is given back while another claim looks is taken by one of them, once", async () => {
  const { url, database } = await testDatabase();
  await enqueue(database, short, 50);
  const workers = await Promise.all(Array.from({ length: 4 }, () => register(database)));
  // Claims and hand-backs as fast as they go, over connections of their own.
  await Promise.all(
    workers.map(async (worker) => {
      const on = new Stepped(url);
      for (let round = 0; round < 40; round++) {
        const jobs = await worker.claim({ quota: 20, on });
        const back = await releaseJobs(
          on,
          worker.id,
          jobs.map((job) => ({ ...job, interrupted: false })),
        );
        expect(back).toHaveLength(jobs.length);
      }
    }),
  );
  expect(await workers[0]?.claim()).toHaveLength(50);
});
