import pg from "pg";
import { expect, test } from "vitest";
import { z } from "zod";
import { Taskmaster } from "../../../src/client/taskmaster.ts";
import { task } from "../../../src/contract/task.ts";
import { Worker } from "../../../src/worker/worker.ts";
import { testDatabase } from "../../setup/database.ts";
import { lockIsWaitedFor } from "../../setup/locks.ts";
import { until } from "../../setup/until.ts";

test("what is due later starts when it is due, not when all lanes are looked at next: delayed jobs, retries, sleeps", async () => {
  const { url } = await testDatabase();
  const waitMs = 300;
  let dueAt = 0;
  let started: (lateMs: number) => void = () => {};
  const n = z.object({ again: z.boolean() });
  const ended = () => started(Date.now() - dueAt);
  const delayed = task("due.delayed").payload(n).short(ended);
  const retried = task("due.retried")
    .payload(n)
    .short({ attempts: 2, backoff: { first: waitMs } }, () => {
      if (dueAt > 0) return ended();
      dueAt = Date.now() + waitMs; // jittered: at the latest
      throw new Error("The first attempt fails.");
    });
  const slept = task("due.slept")
    .payload(n)
    .interruptible(async (_, ctx) => {
      if (dueAt === 0) dueAt = Date.now() + waitMs;
      await ctx.sleep("nap", waitMs);
      ended();
    });
  const tasks = [delayed, retried, slept];
  await using worker = new Worker({ database: url, tasks, release: "r1" });
  await worker.start();
  await using client = new Taskmaster({ database: url, tasks, release: "r1" });
  for (const one of tasks) {
    const late: number[] = [];
    for (let round = 0; round < 5; round++) {
      const start = new Promise<number>((resolve) => {
        started = resolve;
      });
      dueAt = one === delayed ? Date.now() + waitMs : 0;
      await client.enqueue(one, { again: false }, one === delayed ? { delay: waitMs } : {});
      late.push(await start);
    }
    // A look at all lanes comes once a second: half a second late, on average.
    expect(late.sort((a, b) => a - b)[2], one.name).toBeLessThan(150);
  }
});

test("what falls due while all slots are taken starts as soon as one is free", async () => {
  const { url } = await testDatabase();
  let release: () => void = () => {};
  let started: (blocks: boolean) => void = () => {};
  const slow = task("due.slow")
    .payload(z.object({ blocks: z.boolean() }))
    .short(async ({ blocks }) => {
      started(blocks);
      if (blocks)
        await new Promise<void>((resolve) => {
          release = resolve;
        });
    });
  const starts = () =>
    new Promise<boolean>((resolve) => {
      started = resolve;
    });
  await using worker = new Worker({ database: url, tasks: [slow], concurrency: 1, release: "r1" });
  await worker.start();
  await using client = new Taskmaster({ database: url, tasks: [slow], release: "r1" });
  const waits: number[] = [];
  for (let round = 0; round < 5; round++) {
    // The task is known to be quick: so more is asked for than there are slots, and a claim that brings one says that there is no other.
    for (let quick = 0; quick < 20; quick++) await Promise.all([starts(), client.enqueue(slow, { blocks: false })]);
    const blocking = starts();
    await client.enqueue(slow, { blocks: true });
    await blocking;
    const next = starts();
    await client.enqueue(slow, { blocks: false }, { delay: 100 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    release();
    const freeAt = performance.now();
    await next;
    waits.push(performance.now() - freeAt);
  }
  // Where the worker did not hear of the slot it would look again after a second.
  expect(waits.sort((a, b) => a - b)[2]).toBeLessThan(150);
});

test("what a transaction of the caller's writes starts when that commits: jobs, keyed ones, and those that wait for an event", async () => {
  const { url, sql } = await testDatabase();
  let started: () => void = () => {};
  const plain = task("within.plain")
    .payload(z.object({}))
    .short(() => started());
  const waiting = task("within.waiting")
    .payload(z.object({}))
    .interruptible(async (_, ctx) => {
      await ctx.waitFor("it");
      started();
    });
  const tasks = [plain, waiting];
  await using worker = new Worker({ database: url, tasks, release: "r1" });
  await worker.start();
  await using client = new Taskmaster({ database: url, tasks, release: "r1" });
  const within = new pg.Client(url);
  await within.connect();
  const writes: Record<string, (round: number) => Promise<unknown>> = {
    plain: () => client.enqueue(plain, {}, { within }),
    // A key each: the job before this one has started, but may not have ended, and holds its key until then.
    keyed: (round) => client.enqueue(plain, {}, { within, key: `round ${round}` }),
    signal: () => client.signal("it", null, { within }),
  };
  for (const [name, write] of Object.entries(writes)) {
    const waits: number[] = [];
    for (let round = 0; round < 5; round++) {
      if (name === "signal") {
        await client.enqueue(waiting, {});
        await until("the job waits", async () => (await sql.query("select from taskmaster.event_wait")).rowCount);
      }
      const start = new Promise<void>((resolve) => {
        started = resolve;
      });
      await within.query("begin");
      await write(round);
      await within.query("commit");
      const committedAt = performance.now();
      await start;
      waits.push(performance.now() - committedAt);
    }
    // Found by a look at all lanes, once a second, it would be half a second.
    expect(waits.sort((a, b) => a - b)[2], name).toBeLessThan(150);
  }
  await within.end();
});

test("a look at all lanes that takes its time keeps no job waiting of which the worker is told", async () => {
  const { url, sql } = await testDatabase();
  let started: () => void = () => {};
  const plain = task("slow-look.plain")
    .payload(z.object({}))
    .short(() => started());
  await using worker = new Worker({ database: url, tasks: [plain], release: "r1" });
  await worker.start();
  await using client = new Taskmaster({ database: url, tasks: [plain], release: "r1" });
  const run = async () => {
    const start = new Promise<void>((resolve) => {
      started = resolve;
    });
    await client.enqueue(plain, {});
    await start;
  };
  await run();
  const holder = new pg.Client(url);
  await holder.connect();
  await holder.query("begin; lock table taskmaster.lane in access exclusive mode");
  await lockIsWaitedFor(sql, "the worker's look waits");
  for (let job = 0; job < 20; job++) await run();
  await holder.query("rollback");
  await holder.end();
});
