import { revisions, task } from "taskmaster";
import { expect, test } from "vitest";
import { z } from "zod";
import { showJob } from "../../../src/engine/jobs.ts";
import { until } from "../../setup/until.ts";
import { type Stage, stage } from "./stage.ts";

const empty = z.object({});
const paid = z.object({ cents: z.number() });

/** Resolves when a job has given its slot back for the n-th time. */
const suspended = ({ events }: Stage, id: string, count = 1) =>
  events.next("job.suspended", ({ job }) => job === id, count);

/** Moves a job's sleep into the past. */
async function letTimePass({ sql }: Stage, id: string): Promise<void> {
  await sql.query(
    "update taskmaster.checkpoint set value = jsonb_set(value::jsonb, '{until}', to_jsonb(now() - interval '1 s'))::json where job_id = $1 and kind in ('sleep', 'wait')",
    [id],
  );
  await sql.query("update taskmaster.job set run_at = now() where id = $1", [id]);
}

test("a sleep gives the slot back, survives restarts, costs no attempt, and is over when its time has come", async () => {
  const here = await stage();
  const { taskmaster, work, events, sql, database } = here;
  const ran: string[] = [];
  const sleepy = task("waiting.sleepy")
    .payload(empty)
    .interruptible({ attempts: 1 }, async (_, { step, sleep }) => {
      await step("before", () => void ran.push("before"));
      await sleep("three days", "3 days");
      await step("after", () => void ran.push("after"));
    });
  const { id } = await taskmaster.enqueue(sleepy, {});
  const first = await work([sleepy], { concurrency: 1 });
  await suspended(here, id);
  const { rows } = await sql.query(
    "select worker, failures, interruptions, round(extract(epoch from run_at - now()) / 86400) as days from taskmaster.job where id = $1",
    [id],
  );
  expect(rows).toEqual([{ worker: null, failures: 0, interruptions: 0, days: "3" }]);
  expect((await showJob(database, id))?.state).toBe("scheduled");
  await first.stop();
  // Made due by hand, it sleeps on.
  const { retryByHand } = await import("../../../src/engine/manage.ts");
  await retryByHand(database, [id]);
  const second = await work([sleepy]);
  await suspended(here, id, 2);
  await letTimePass(here, id);
  await events.next("job.succeeded", ({ job }) => job === id);
  await second.stop();
  expect(ran).toEqual(["before", "after"]);
});

test("a short sleep wakes by itself", async () => {
  const { run, events } = await stage();
  const naps = task("waiting.naps")
    .payload(empty)
    .interruptible({ attempts: 1 }, async (_, ctx) => {
      for (const n of [1, 2]) await ctx.sleep(`nap ${n}`, 20);
    });
  const id = await run(naps, {});
  expect(events.of("job.suspended").map(({ job, names }) => [job, names])).toEqual([
    [id, ["nap 1"]],
    [id, ["nap 2"]],
  ]);
});

test("a job waits for an event, and gets what it was told, however often it runs again", async () => {
  const here = await stage();
  const { taskmaster, work, events, sql } = here;
  const seen: unknown[] = [];
  const order = task("waiting.order")
    .payload(z.object({ order: z.number() }))
    .interruptible({ backoff: { first: 1 } }, async ({ order }, ctx) => {
      seen.push(await ctx.waitFor(`order paid ${order}`, { schema: paid }));
      if (ctx.job.attempt === 1) throw new Error("again");
    });
  const { id } = await taskmaster.enqueue(order, { order: 1 });
  const other = await taskmaster.enqueue(order, { order: 2 });
  const worker = await work([order]);
  await suspended(here, id);
  await suspended(here, other.id);
  await taskmaster.signal("order paid 1", { cents: 5 });
  await events.next("job.succeeded", ({ job }) => job === id);
  expect(seen).toEqual([{ cents: 5 }, { cents: 5 }]);
  expect(events.of("event.signalled")).toMatchObject([{ name: "order paid 1", woken: [id] }]);
  expect((await sql.query("select job_id from taskmaster.event_wait")).rows).toEqual([{ job_id: other.id }]);
  await worker.stop();
});

test("an event that came before is found; each wait takes the next; those before the job do not count", async () => {
  const here = await stage();
  const { taskmaster, events, work } = here;
  await taskmaster.signal("tick", 0);
  const seen: unknown[] = [];
  const ticks = task("waiting.ticks")
    .payload(empty)
    .interruptible({ attempts: 1 }, async (_, ctx) => {
      for (const n of [1, 2, 3]) seen.push(await ctx.waitFor("tick", { name: `tick ${n}` }));
    });
  const { id } = await taskmaster.enqueue(ticks, {});
  await taskmaster.signal("tick", 1);
  await taskmaster.signal("tick");
  const worker = await work([ticks]);
  await suspended(here, id);
  expect(seen).toEqual([1, null]);
  await taskmaster.signal("tick", { three: 3 });
  await events.next("job.succeeded", ({ job }) => job === id);
  expect(seen.slice(-3)).toEqual([1, null, { three: 3 }]);
  await worker.stop();
});

test("a wait that takes too long answers undefined", async () => {
  const here = await stage();
  const { taskmaster, work, events } = here;
  const seen: unknown[] = [];
  const waits = task("waiting.timeout")
    .payload(empty)
    .interruptible({ attempts: 1 }, async (_, ctx) => {
      seen.push(await ctx.waitFor("never", { timeout: "1h" }));
    });
  const { id } = await taskmaster.enqueue(waits, {});
  const worker = await work([waits]);
  await suspended(here, id);
  await letTimePass(here, id);
  await events.next("job.succeeded", ({ job }) => job === id);
  expect(seen).toEqual([undefined]);
  await worker.stop();
});

test("no event is lost between a job's coming to wait and a signal, whichever is first", async () => {
  const { taskmaster, work, events, sql } = await stage();
  const waits = task("waiting.race")
    .payload(z.object({ n: z.number() }))
    .interruptible({ attempts: 1 }, async ({ n }, ctx) => {
      await ctx.waitFor(`race ${n}`);
    });
  const jobs = 60;
  const worker = await work([waits], { concurrency: 20 });
  await Promise.all(
    Array.from({ length: jobs }, async (_, n) => {
      await taskmaster.enqueue(waits, { n });
      await taskmaster.signal(`race ${n}`, n);
    }),
  );
  await events.next("job.succeeded", () => true, jobs);
  await worker.stop();
  expect((await sql.query("select from taskmaster.event_wait")).rows).toEqual([]);
});

test("a signal in a transaction happens with its commit", async () => {
  const here = await stage();
  const { taskmaster, work, events, sql } = here;
  const waits = task("waiting.within")
    .payload(empty)
    .interruptible({ attempts: 1 }, async (_, ctx) => {
      await ctx.waitFor("within");
    });
  const { id } = await taskmaster.enqueue(waits, {});
  const worker = await work([waits]);
  await suspended(here, id);
  const client = await sql.connect();
  await client.query("begin");
  await taskmaster.signal("within", 1, { within: client });
  await client.query("rollback");
  expect((await sql.query("select from taskmaster.event")).rows).toEqual([]);
  await client.query("begin");
  await taskmaster.signal("within", 1, { within: client });
  await client.query("commit");
  client.release();
  await events.next("job.succeeded", ({ job }) => job === id);
  await worker.stop();
});

test("an event's payload is upgraded for who waits with a newer schema; what does not fit holds the job", async () => {
  const here = await stage();
  const { taskmaster, work, events, goOn } = here;
  const newer = revisions(paid).revise(z.object({ cents: z.number(), currency: z.string() }), {
    upgrade: (older) => ({ ...older, currency: "EUR" }),
  });
  const seen: unknown[] = [];
  const waits = (schema: typeof newer | z.ZodType) =>
    task("waiting.schema")
      .payload(empty)
      .interruptible({ attempts: 1 }, async (_, ctx) => {
        seen.push(await ctx.waitFor("paid", { schema: schema as typeof newer }));
      });
  const { id } = await taskmaster.enqueue(waits(newer), {});
  await taskmaster.signal("paid", { cents: 5 }, { schema: paid });
  await expect(taskmaster.signal("paid", { cents: "5" }, { schema: paid })).rejects.toThrow(/does not fit its schema/);
  const worker = await work([waits(z.object({ euros: z.number() }))]);
  await events.next("job.held", ({ job }) => job === id);
  await worker.stop();
  await goOn(waits(newer), id);
  expect(seen).toEqual([{ cents: 5, currency: "EUR" }]);
});

test("of several sleeps and waits at once, the first to come wakes the job", async () => {
  const here = await stage();
  const { taskmaster, work, events, checkpoints } = here;
  const both = task("waiting.both")
    .payload(empty)
    .interruptible({ attempts: 1 }, async (_, ctx) => {
      await Promise.all([ctx.sleep("long", "1h"), ctx.waitFor("now"), ctx.step("meanwhile", () => 1)]);
    });
  const { id } = await taskmaster.enqueue(both, {});
  const worker = await work([both]);
  await suspended(here, id);
  expect((await checkpoints(id)).map(({ name, kind }) => `${kind} ${name}`).sort()).toEqual([
    "sleep long",
    "step meanwhile",
    "wait wait for now",
  ]);
  await taskmaster.signal("now");
  await suspended(here, id, 2);
  await letTimePass(here, id);
  await events.next("job.succeeded", ({ job }) => job === id);
  await until("all is forgotten", async () => (await checkpoints(id)).length === 0);
  await worker.stop();
});
