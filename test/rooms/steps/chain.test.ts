import { chain, NonRetryableError, task } from "taskmaster";
import { expect, test } from "vitest";
import { z } from "zod";
import { findJobs, showJob } from "../../../src/engine/jobs.ts";
import { prune } from "../../../src/engine/prune.ts";
import { gate, stage } from "./stage.ts";

const seen: unknown[] = [];
const fetchProfile = task("profile.fetch", { queue: "slow" })
  .payload(z.object({ id: z.number() }))
  .interruptible(async ({ id }, ctx) => {
    const name = await ctx.step("name", () => `user ${id}`);
    if (ctx.job.attempt === 1) throw new Error("again");
    return { name, visits: id * 2 };
  });
const scoreProfile = task("profile.score")
  .payload(z.object({ name: z.string() }))
  .revise(z.object({ name: z.string(), visits: z.number() }), { upgrade: (old) => ({ ...old, visits: 0 }) })
  .short(({ name, visits }) => ({ text: `${name}: ${visits}` }));
const sendReport = task("profile.report")
  .payload(z.object({ text: z.string() }))
  .short(({ text }) => void seen.push(text));

test("what a link answers is the next one's payload, each a job of its own, written with the completion", async () => {
  const { taskmaster, work, events, sql } = await stage();
  seen.length = 0;
  const report = chain("profile", fetchProfile, scoreProfile, sendReport);
  const { id } = await taskmaster.enqueue(report, { id: 21 });
  const worker = await work([report]);
  await events.next("job.succeeded", ({ task }) => task === "profile:3");
  await worker.stop();
  expect(seen).toEqual(["user 21: 42"]);
  expect(events.of("job.succeeded").map(({ task }) => task)).toEqual(["profile:1", "profile:2", "profile:3"]);
  expect(events.of("job.succeeded")[0]?.job).toBe(id);
  const { rows } = await sql.query("select task, queue, max_revision from taskmaster.lane order by task");
  expect(rows).toEqual([
    { task: "profile:1", queue: "slow", max_revision: 1 },
    { task: "profile:2", queue: "default", max_revision: 2 },
    { task: "profile:3", queue: "default", max_revision: 1 },
  ]);
  const contracts = await sql.query("select distinct task from taskmaster.contract order by task");
  expect(contracts.rows.map(({ task }) => task)).toEqual(["profile:1", "profile:2", "profile:3"]);
});

test("a chain goes by the names of its tasks; they can be enqueued by themselves as before", async () => {
  const { taskmaster, work, events } = await stage();
  const pair = chain(scoreProfile, sendReport);
  expect(pair.name).toBe("profile.score/profile.report:1");
  await taskmaster.enqueue(scoreProfile, { name: "alone", visits: 1 });
  const worker = await work([pair, scoreProfile]);
  await events.next("job.succeeded", ({ task }) => task === "profile.score");
  await worker.stop();
  expect(events.of("job.enqueued")).toHaveLength(1);
});

test("a link that fails ends the chain there, and goes on when it is given back", async () => {
  const { run, goOn, sql } = await stage();
  let broken = true;
  const fails = task("profile.fails")
    .payload(z.object({}))
    .short(() => {
      if (broken) throw new NonRetryableError("no");
      return { text: "mended" };
    });
  const pair = chain("fails", fails, sendReport);
  const id = await run(pair, {}, "failed");
  expect((await sql.query("select from taskmaster.job")).rows).toEqual([]);
  broken = false;
  await goOn(pair, id);
  const { rows } = await sql.query("select task from taskmaster.job join taskmaster.lane on lane.id = lane");
  expect(rows.length).toBeLessThanOrEqual(1); // the next link may have run already
});

test("what the next link does not take holds the job: its work is done", async () => {
  const { run, events, sql } = await stage();
  const wrong = task("profile.wrong")
    .payload(z.object({}))
    .short(() => ({ text: 7 }) as unknown as { text: string });
  await run(chain("wrong", wrong, sendReport), {}, "held");
  expect(events.of("job.held")[0]).toMatchObject({
    reason: "unrecordable-result",
    detail: expect.stringMatching(/cannot be passed on to wrong:2.*text/),
  });
  expect((await sql.query("select from taskmaster.job")).rows).toEqual([]);
});

test("a link cannot end itself before what it answers is known", async () => {
  const { run, events } = await stage();
  const commits = task("profile.commits")
    .payload(z.object({}))
    .interruptible({ attempts: 1 }, async (_, ctx) => {
      await ctx.commit(() => {});
      return { text: "" };
    });
  await run(chain("commits", commits, sendReport), {}, "failed");
  expect(events.of("job.failed")[0]?.error).toMatchObject({ message: expect.stringMatching(/is a link of a chain/) });
});

test("a chain is one thing: all of its jobs are found by any of them, also after failures, retries and an interruption", async () => {
  const { taskmaster, work, events, database, sql } = await stage();
  seen.length = 0;
  const started = gate();
  let interrupted = false;
  const slow = task("profile.slow")
    .payload(z.object({ text: z.string() }))
    .interruptible(async ({ text }, ctx) => {
      if (!interrupted) {
        interrupted = true;
        started.open();
        await new Promise((_, reject) => ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason)));
      }
      return { text };
    });
  const long = chain("long", fetchProfile, scoreProfile, slow, sendReport);
  const { id } = await taskmaster.enqueue(long, { id: 3 });
  const { id: other } = await taskmaster.enqueue(long, { id: 4 });
  const first = await work([long], { concurrency: 1 });
  await started.opened;
  await first.stop();
  const second = await work([long]);
  await events.next("job.succeeded", ({ task }) => task === "long:4", 2);
  await second.stop();
  expect(seen).toHaveLength(2);
  const links = await findJobs(database, { chain: id }, 10);
  expect(links.map(({ task, state }) => `${task} ${state}`)).toEqual([
    "long:4 succeeded",
    "long:3 succeeded",
    "long:2 succeeded",
    "long:1 succeeded",
  ]);
  const middle = links[1]?.id ?? "";
  expect((await findJobs(database, { chain: middle }, 10)).map((link) => link.id)).toEqual(
    links.map((link) => link.id),
  );
  expect((await findJobs(database, { chain: other }, 10)).map((link) => link.id)).not.toContain(middle);
  expect((await showJob(database, middle))?.chain.map((link) => link.id)).toEqual(
    links.map((link) => link.id).reverse(),
  );
  await prune(database, -1_000);
  expect((await sql.query("select from taskmaster.chain_link")).rows).toEqual([]);
});

test("a chain goes on under the next release's contracts, and an alone-standing job is a chain of none", async () => {
  const { taskmaster, work, events, database } = await stage();
  seen.length = 0;
  const old = chain("rolling", fetchProfile, scoreProfile, sendReport);
  const { id } = await taskmaster.enqueue(old, { id: 5 });
  const worker = await work([old]);
  await events.next("job.succeeded", ({ task }) => task === "rolling:1");
  await worker.stop();
  const newer = task("profile.report")
    .payload(z.object({ text: z.string() }))
    .revise(z.object({ text: z.string(), urgent: z.boolean() }), { upgrade: (older) => ({ ...older, urgent: true }) })
    .short(({ text, urgent }) => void seen.push([text, urgent]));
  const answersMore = task("profile.score")
    .payload(z.object({ name: z.string() }))
    .revise(z.object({ name: z.string(), visits: z.number() }), { upgrade: (older) => ({ ...older, visits: 0 }) })
    .short(({ name }) => ({ text: name, urgent: false }));
  const next = await work([chain("rolling", fetchProfile, answersMore, newer)], { release: "2" });
  await events.next("job.succeeded", ({ task }) => task === "rolling:3");
  await next.stop();
  expect(seen).toHaveLength(1);
  expect((await findJobs(database, { chain: id }, 10)).map(({ state }) => state)).toEqual(Array(3).fill("succeeded"));
  const { id: alone } = await taskmaster.enqueue(sendReport, { text: "alone" });
  expect((await showJob(database, alone))?.chain).toEqual([]);
});

test("two tasks are the least", () => {
  expect(() => (chain as (...tasks: unknown[]) => unknown)(sendReport)).toThrow(/needs two tasks at least/);
  expect(() => (chain as (...tasks: unknown[]) => unknown)("no name!", scoreProfile, sendReport)).toThrow(/is no name/);
});
