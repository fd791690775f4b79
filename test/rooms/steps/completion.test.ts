import { drizzle } from "drizzle-orm/node-postgres";
import pg from "pg";
import { type TransactionSource, task } from "taskmaster";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { throughDrizzle } from "../../../examples/transactions/drizzle.ts";
import { type Stage, stage } from "./stage.ts";

const n = z.object({ n: z.number() });
const soon = { backoff: { first: 1, max: 1 } };
const child = task("completion.child")
  .payload(n)
  .short(() => {});

/** The payloads of the jobs that wait, by task. */
async function waiting({ sql }: Stage): Promise<unknown[]> {
  const { rows } = await sql.query(
    "select lane.task, job.payload, keyed from taskmaster.job join taskmaster.lane on lane.id = job.lane order by job.payload ->> 'n'",
  );
  return rows.map(({ task, payload, keyed }) => [task, payload.n, keyed]);
}

test("children are written with the completion: an attempt that fails leaves none", async () => {
  const here = await stage();
  const parent = task("completion.parent")
    .payload(n)
    .interruptible(soon, async (_, { enqueue, step, job }) => {
      await Promise.all([1, 2].map((each) => enqueue(child, { n: each })));
      await enqueue(child, { n: 3 }, { key: "third", priority: "low" });
      await enqueue(child, { n: 4 }, { delay: "1h", queue: "later" });
      await step("half", () => {});
      expect(await waiting(here)).toEqual([["completion.parent", 0, false]]);
      if (job.attempt === 1) throw new Error("again");
    });
  await here.run(parent, { n: 0 });
  expect(await waiting(here)).toEqual([1, 2, 3, 4].map((each) => ["completion.child", each, each === 3]));
  // A worker finds them at once.
  const worker = await here.work([child]);
  await here.events.next("job.succeeded", ({ task }) => task === "completion.child", 3);
  await worker.stop();
});

test("a child is checked when it is enqueued, and nobody's child is lost in a step or a loop", async () => {
  const here = await stage();
  const thrown: unknown[] = [];
  const keep = (error: unknown) => thrown.push(error);
  const parent = task("completion.checks")
    .payload(n)
    .interruptible({ attempts: 1 }, async (_, ctx) => {
      await ctx.enqueue(child, { n: "1" } as never).catch(keep);
      await ctx.enqueue(child.retired() as never, { n: 1 } as never).catch(keep);
      await ctx.step("step", () => ctx.enqueue(child, { n: 1 }).catch(keep)).catch(keep);
      for await (const each of ctx.each("loop", [1])) await ctx.enqueue(child, { n: each }).catch(keep);
      await ctx.enqueue(child, { n: 5 });
    });
  await here.run(parent, { n: 0 });
  expect(thrown).toMatchObject([
    { code: "TASKMASTER_PAYLOAD_REFUSED" },
    { code: "TASKMASTER_TASK_RETIRED" },
    { code: "TASKMASTER_COMPLETION", message: expect.stringMatching(/within a step or a loop.*ctx\.each\.tx/) },
    { code: "TASKMASTER_COMPLETION" },
  ]);
  expect(await waiting(here)).toEqual([["completion.child", 5, false]]);
});

test("in a transaction of a step, children are written with its record, once", async () => {
  const here = await stage();
  const parent = task("completion.batches")
    .payload(n)
    .interruptible(soon, async (_, ctx) => {
      await ctx.each.tx("all", [1, 2, 3], { batch: 2 }, async (tx, batch) => {
        await here.taskmaster.enqueueMany(
          child,
          batch.map((each) => ({ n: each })),
          { within: tx },
        );
      });
      if (ctx.job.attempt === 1) throw new Error("again");
    });
  await here.run(parent, { n: 0 });
  expect(await waiting(here)).toEqual([1, 2, 3].map((each) => ["completion.child", each, false]));
});

const sources: Record<string, (url: string) => { in?: TransactionSource<unknown> }> = {
  "the worker's own": () => ({}),
  Drizzle: (url) => {
    const pool = new pg.Pool({ connectionString: url, max: 2 });
    onTestFinished(() => pool.end());
    const db = drizzle(pool);
    return { in: { transaction: (work) => db.transaction((tx) => work(tx, throughDrizzle(tx))) } };
  },
};

test.each(Object.entries(sources))(
  "ctx.commit in a transaction of %s: writes, children and completion are one",
  async (_, source) => {
    const here = await stage();
    const { sql, events } = here;
    await sql.query("create table ledger (note text)");
    const options = source(here.url);
    const add = (tx: unknown, note: string) =>
      options.in
        ? (tx as { execute(text: string): Promise<unknown> }).execute(`insert into ledger values ('${note}')`)
        : (tx as pg.ClientBase).query("insert into ledger values ($1)", [note]);
    const after: unknown[] = [];
    const parent = task("completion.commit")
      .payload(n)
      .interruptible(soon, async (_, ctx) => {
        await ctx.step("first", () => 1);
        await ctx.enqueue(child, { n: 1 });
        await ctx.commit(options, async (tx) => {
          await add(tx, `attempt ${ctx.job.attempt}`);
          await ctx.enqueue(child, { n: 2 });
          if (ctx.job.attempt === 1) throw new Error("rolled back");
        });
        await ctx.step("too late", () => 1).catch((error: unknown) => after.push(error));
        throw new Error("also too late");
      });
    const id = await here.run(parent, { n: 0 });
    expect((await sql.query("select note from ledger")).rows).toEqual([{ note: "attempt 2" }]);
    expect(await waiting(here)).toEqual([1, 2].map((each) => ["completion.child", each, false]));
    expect(after).toMatchObject([{ code: "TASKMASTER_COMPLETION" }]);
    expect(events.of("job.retrying")).toHaveLength(1);
    expect(await here.checkpoints(id)).toEqual([]);
    expect((await sql.query("select from taskmaster.claim")).rows).toEqual([]);
  },
);

test("a zombie commits nothing", async () => {
  const here = await stage();
  const { sql } = here;
  await sql.query("create table ledger (note text)");
  const parent = task("completion.zombie")
    .payload(n)
    .interruptible({ attempts: 1 }, async (_, ctx) => {
      if (ctx.job.delivery === 1)
        await sql.query("update taskmaster.job set deliveries = deliveries + 1 where id = $1", [ctx.job.id]);
      await ctx.enqueue(child, { n: ctx.job.delivery });
      const committed = ctx.commit((tx) =>
        tx.query("insert into ledger values ($1)", [`delivery ${ctx.job.delivery}`]),
      );
      if (ctx.job.delivery > 1) return committed;
      await expect(committed).rejects.toMatchObject({ code: "TASKMASTER_JOB_LOST" });
      await sql.query(
        "update taskmaster.job set worker = null, started_at = null, run_at = clock_timestamp() where id = $1",
        [ctx.job.id],
      );
    });
  await here.run(parent, { n: 0 });
  expect((await sql.query("select note from ledger")).rows).toEqual([{ note: "delivery 3" }]);
  expect(await waiting(here)).toEqual([["completion.child", 3, false]]);
});

test("a commit whose reply is lost is found out, and nothing is done twice", async () => {
  const here = await stage();
  const { sql } = here;
  await sql.query("create table ledger (note text)");
  const parent = task("completion.lost-reply")
    .payload(n)
    .interruptible(soon, async (_, ctx) => {
      await ctx.enqueue(child, { n: 1 });
      await ctx.commit(async (tx) => {
        await tx.query("insert into ledger values ('effect')");
        const client = tx as unknown as { query: (...args: unknown[]) => Promise<unknown> };
        const query = client.query.bind(client);
        client.query = async (...args: unknown[]) => {
          const answer = await query(...args);
          if (args[0] !== "commit") return answer;
          client.query = query;
          throw Object.assign(new Error("Connection terminated unexpectedly"), { code: "ECONNRESET" });
        };
      });
    });
  await here.run(parent, { n: 0 });
  expect((await sql.query("select note from ledger")).rows).toEqual([{ note: "effect" }]);
  expect(await waiting(here)).toEqual([["completion.child", 1, false]]);
  expect(here.events.of("job.retrying")).toEqual([]);
});
