import { task } from "taskmaster";
import { expect, test } from "vitest";
import { z } from "zod";
import { showJob } from "../../../src/engine/jobs.ts";
import { readStatus } from "../../../src/engine/status.ts";
import { until } from "../../setup/until.ts";
import { gate, stage } from "./stage.ts";

const empty = z.object({});
const counts = "select failures, crashes, interruptions from taskmaster.job where id = $1";

test("a stop tells an interruptible attempt the reason, and hands its job on at once when it has ended", async () => {
  const { taskmaster, work, events, sql } = await stage();
  const running = gate();
  const reasons: unknown[] = [];
  const polite = task("interruption.polite")
    .payload(empty)
    .interruptible(async (_, ctx) => {
      await ctx.step("first", () => {});
      if (ctx.job.delivery > 1) return;
      await new Promise<void>((resolve) => {
        ctx.signal.addEventListener("abort", () => resolve());
        running.open();
      });
      reasons.push(ctx.signal.reason);
      await ctx.step("never begun", () => reasons.push("begun"));
    });
  const { id } = await taskmaster.enqueue(polite, {});
  const first = await work([polite], { grace: "30s" });
  await running.opened;
  const stoppedAt = performance.now();
  await first.stop();
  expect(performance.now() - stoppedAt).toBeLessThan(10_000); // no grace time was waited out
  expect(reasons).toMatchObject([{ code: "TASKMASTER_INTERRUPTED", message: "its worker stops" }]);
  expect((await sql.query(counts, [id])).rows).toEqual([{ failures: 0, crashes: 0, interruptions: 1 }]);
  const second = await work([polite]);
  await events.next("job.succeeded");
  await second.stop();
  expect(events.of("job.interrupted")).toHaveLength(1);
});

test("a function that does not listen is left behind after the grace time, and records nothing more", async () => {
  const { taskmaster, work, events, checkpoints } = await stage();
  const running = gate();
  const left = gate();
  const thrown = gate<unknown>();
  const deaf = task("interruption.deaf")
    .payload(empty)
    .interruptible(async (_, ctx) => {
      if (ctx.job.delivery > 1) return;
      const late = ctx.step("late", async () => {
        running.open();
        await left.opened;
        return "too late";
      });
      thrown.open(await late.catch((error: unknown) => error));
    });
  const { id } = await taskmaster.enqueue(deaf, {});
  const first = await work([deaf], { grace: 50 });
  await running.opened;
  const stopped = first.stop();
  await events.next("job.interrupted", ({ job }) => job === id);
  const second = await work([deaf]);
  await events.next("job.succeeded", ({ job }) => job === id);
  left.open();
  expect(await thrown.opened).toBeInstanceOf(Error);
  expect(await checkpoints(id)).toEqual([]);
  await stopped;
  await second.stop();
});

test("an interruption that the task swallows is no success", async () => {
  const { taskmaster, work, events, sql } = await stage();
  const running = gate();
  const swallows = task("interruption.swallowed")
    .payload(empty)
    .interruptible(async (_, ctx) => {
      for (const n of [1, 2, 3])
        await ctx
          .step(`step ${n}`, async ({ signal }) => {
            if (n !== 1 || ctx.job.delivery > 1) return;
            running.open();
            await new Promise((resolve) => signal.addEventListener("abort", resolve));
          })
          .catch(() => {});
    });
  const { id } = await taskmaster.enqueue(swallows, {});
  const first = await work([swallows]);
  await running.opened;
  await first.stop();
  expect((await sql.query(counts, [id])).rows).toEqual([{ failures: 0, crashes: 0, interruptions: 1 }]);
  const second = await work([swallows]);
  await events.next("job.succeeded");
  await second.stop();
});

test("a step that may run once is let finish, and is not run again", async () => {
  const { taskmaster, work, events } = await stage();
  const running = gate();
  const finish = gate();
  let charges = 0;
  const charge = task("interruption.once")
    .payload(empty)
    .interruptible(async (_, ctx) => {
      await ctx.step("charge", { once: true }, async ({ signal }) => {
        charges++;
        ctx.signal.addEventListener("abort", () => finish.open());
        running.open();
        await finish.opened;
        expect(signal.aborted).toBe(false);
      });
    });
  await taskmaster.enqueue(charge, {});
  const first = await work([charge]);
  await running.opened;
  await first.stop();
  if (events.of("job.succeeded").length === 0) {
    const second = await work([charge]);
    await events.next("job.succeeded");
    await second.stop();
  }
  expect(charges).toBe(1);
});

test("progress and heartbeats show with the worker's next heartbeat", async () => {
  const { taskmaster, work, events, database } = await stage();
  const told = gate();
  const finish = gate();
  const tells = task("interruption.progress")
    .payload(empty)
    .interruptible(async (_, { progress, heartbeat, step }) => {
      await step("first", () => ({ a: 1 }));
      expect(() => progress(40)).toThrow(/from 0 to 1/);
      progress(0.4, "index");
      heartbeat();
      told.open();
      await finish.opened;
    });
  const { id } = await taskmaster.enqueue(tells, {});
  const worker = await work([tells], { lease: "2s" });
  await told.opened;
  const job = await until("the heartbeat has told of it", async () => {
    const shown = await showJob(database, id);
    return shown?.running?.heard ? shown : undefined;
  });
  expect(job.running).toMatchObject({ progress: 0.4, note: "index" });
  expect(job.checkpoints).toMatchObject([{ name: "first", kind: "step", delivery: 1, value: { a: 1 } }]);
  const { processes } = await readStatus(database);
  expect(processes.map(({ running }) => running).join("")).toContain('"note":"index"');
  finish.open();
  await events.next("job.succeeded");
  await worker.stop();
});

test("a job whose attempts get further each time is not held, however often its workers die", async () => {
  const { database, sql } = await stage();
  const { register, enqueue, interruptible } = await import("../engine/cast.ts");
  const { recordCheckpoints } = await import("../../../src/engine/checkpoint.ts");
  const { rescueOrphans } = await import("../../../src/engine/rescue.ts");
  const { beginAttempts } = await import("../../../src/engine/begin.ts");
  const [id = ""] = await enqueue(database, interruptible);
  const die = async (records: boolean) => {
    const worker = await register(database);
    const [job] = await worker.claim();
    if (job === undefined) throw new Error("The job is not there to be claimed.");
    await beginAttempts(database, worker.id, [job]);
    const holder = { id, process: worker.id, delivery: job.delivery };
    const cursor = {
      name: "cursor",
      kind: "each" as const,
      seq: job.delivery,
      revision: null,
      value: "{}",
      older: null,
    };
    if (records) await recordCheckpoints(database, worker.id, [{ ...cursor, holder }]);
    await sql.query("update taskmaster.process set died_at = now() where id = $1", [worker.id]);
    return (await rescueOrphans(database)).flatMap(({ jobs }) => jobs).map(({ held }) => held);
  };
  for (let death = 0; death < 5; death++) expect(await die(true)).toEqual([false]);
  for (let death = 1; death < 10; death++) expect(await die(false)).toEqual([false]);
  expect(await die(true)).toEqual([false]);
  for (let death = 1; death < 10; death++) expect(await die(false)).toEqual([false]);
  expect(await die(false)).toEqual([true]);
});
