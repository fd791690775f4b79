import { chain, task } from "taskmaster";
import { TestQueue } from "taskmaster/testing";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { testDatabase } from "../../setup/database.ts";

const n = z.object({ n: z.number() });

async function queueOf(tasks: Parameters<typeof TestQueue.start>[0]["tasks"]) {
  const { url } = await testDatabase();
  const queue = await TestQueue.start({ tasks, database: url });
  onTestFinished(() => queue.stop());
  return queue;
}

test("jobs run when the test says so, with the children that they enqueue", async () => {
  const ran: number[] = [];
  const child = task("queue.child")
    .payload(n)
    .short(({ n }) => void ran.push(n));
  const parent = task("queue.parent")
    .payload(n)
    .interruptible(async ({ n }, ctx) => {
      ran.push(n);
      await ctx.enqueue(child, { n: n + 1 });
    });
  const queue = await queueOf([parent, child]);
  await queue.taskmaster.enqueue(parent, { n: 1 });
  expect(await queue.jobs(parent)).toMatchObject([{ state: "waiting", payload: { n: 1 }, queue: "default" }]);
  expect(ran).toEqual([]);
  expect(await queue.drain()).toMatchObject([
    { task: "queue.parent", end: "succeeded" },
    { task: "queue.child", end: "succeeded" },
  ]);
  expect(ran).toEqual([1, 2]);
  expect((await queue.jobs()).map(({ state }) => state)).toEqual(["succeeded", "succeeded"]);
});

test("time passes when the test says so: delays, retries, sleeps", async () => {
  let attempts = 0;
  const flaky = task("queue.flaky")
    .payload(n)
    .short({ backoff: { first: "1h" } }, () => {
      if (++attempts === 1) throw new Error("not yet");
    });
  const sleepy = task("queue.sleepy")
    .payload(n)
    .interruptible(async (_, ctx) => {
      await ctx.sleep("a while", "3 days");
    });
  const queue = await queueOf([flaky, sleepy]);
  await queue.taskmaster.enqueue(flaky, { n: 1 }, { delay: "10m" });
  await queue.taskmaster.enqueue(sleepy, { n: 1 });
  expect(await queue.drain()).toMatchObject([{ task: "queue.sleepy", end: "suspended" }]);
  await queue.passTime("11m");
  expect(await queue.drain()).toMatchObject([{ task: "queue.flaky", end: "retrying", error: "not yet" }]);
  await queue.passTime("2h");
  expect(await queue.drain()).toMatchObject([{ task: "queue.flaky", end: "succeeded" }]);
  await queue.passTime("2 days");
  expect(await queue.drain()).toEqual([]);
  await queue.passTime("1 day");
  expect(await queue.drain()).toMatchObject([{ task: "queue.sleepy", end: "succeeded" }]);
});

test("signals wake, chains run link by link", async () => {
  const asks = task("queue.asks")
    .payload(n)
    .interruptible(async (_, ctx) => ({ n: Number(await ctx.waitFor("answer")) }));
  const told: number[] = [];
  const tells = task("queue.tells")
    .payload(n)
    .short(({ n }) => void told.push(n));
  const both = chain("queue.both", asks, tells);
  const queue = await queueOf([both]);
  await queue.taskmaster.enqueue(both, { n: 0 });
  expect(await queue.drain()).toMatchObject([{ end: "suspended" }]);
  await queue.passTime("100 days");
  expect(await queue.drain()).toEqual([]);
  await queue.taskmaster.signal("answer", 42);
  expect(await queue.drain()).toHaveLength(2);
  expect(told).toEqual([42]);
});
