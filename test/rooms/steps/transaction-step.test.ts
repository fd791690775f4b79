import { drizzle } from "drizzle-orm/node-postgres";
import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { type TransactionSource, task } from "taskmaster";
import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { throughDrizzle } from "../../../examples/transactions/drizzle.ts";
import { throughKysely } from "../../../examples/transactions/kysely.ts";
import { JobLostError } from "../../../src/worker/steps/attempt-host.ts";
import { gate, stage } from "./stage.ts";

const empty = z.object({});
const soon = { backoff: { first: 1, max: 1 } };

function pool(url: string): pg.Pool {
  const opened = new pg.Pool({ connectionString: url, max: 2 });
  onTestFinished(() => opened.end());
  return opened;
}

interface Ledger {
  ledger: { note: string };
}

/** Each library's way to run a transaction, with a query in its own words. */
const libraries: Record<
  string,
  (url: string) => { source: TransactionSource<unknown> | undefined; add: (tx: never) => unknown }
> = {
  "the worker's own": () => ({
    source: undefined,
    add: (tx: pg.ClientBase) => tx.query("insert into ledger values ('effect')"),
  }),
  Drizzle: (url) => {
    const db = drizzle(pool(url));
    type Tx = Parameters<Parameters<typeof db.transaction>[0]>[0];
    const source: TransactionSource<Tx> = {
      transaction: (work) => db.transaction((tx) => work(tx, throughDrizzle(tx))),
    };
    return {
      source: source as TransactionSource<unknown>,
      add: (tx: Tx) => tx.execute("insert into ledger values ('effect')"),
    };
  },
  Kysely: (url) => {
    const db = new Kysely<Ledger>({ dialect: new PostgresDialect({ pool: pool(url) }) });
    const source: TransactionSource<Kysely<Ledger>> = {
      transaction: (work) => db.transaction().execute((tx) => work(tx, throughKysely(tx))),
    };
    return {
      source: source as TransactionSource<unknown>,
      add: (tx: Kysely<Ledger>) => tx.insertInto("ledger").values({ note: "effect" }).execute(),
    };
  },
};

describe.each(Object.entries(libraries))("step.tx in a transaction of %s", (_, library) => {
  async function ledger() {
    const here = await stage();
    await here.sql.query("create table ledger (note text not null)");
    const notes = async () =>
      (await here.sql.query<{ note: string }>("select note from ledger")).rows.map(({ note }) => note);
    const { source, add } = library(here.url);
    return { ...here, notes, options: source ? { in: source } : {}, add };
  }

  test("effects and checkpoint are one: a later attempt is answered, and a step that throws has done nothing", async () => {
    const { run, notes, options, add } = await ledger();
    let tries = 0;
    const charge = task("tx.charge")
      .payload(empty)
      .interruptible(soon, async (_, ctx) => {
        const result = await ctx.step.tx("charge", options, async (tx) => {
          await add(tx as never);
          if (++tries === 1) throw new Error("rolled back");
          return { charged: true };
        });
        expect(result).toEqual({ charged: true });
        if (ctx.job.attempt < 3) throw new Error("again");
      });
    await run(charge, {});
    expect(tries).toBe(2);
    expect(await notes()).toEqual(["effect"]);
  });

  test("an attempt whose job is another's by now commits nothing", async () => {
    const { run, notes, sql, options, add } = await ledger();
    const thrown: unknown[] = [];
    const zombie = task("tx.zombie")
      .payload(empty)
      .interruptible({ attempts: 1 }, async (_, ctx) => {
        const late = ctx.step.tx("late", options, async (tx) => {
          await add(tx as never);
          if (ctx.job.delivery === 1)
            await sql.query("update taskmaster.job set deliveries = deliveries + 1 where id = $1", [ctx.job.id]);
        });
        await late.catch((error: unknown) => thrown.push(error));
        await ctx.step("next", () => {}).catch((error: unknown) => thrown.push(error));
        if (ctx.job.delivery === 1)
          await sql.query(
            "update taskmaster.job set worker = null, started_at = null, run_at = clock_timestamp() where id = $1",
            [ctx.job.id],
          );
      });
    await run(zombie, {});
    expect(thrown).toHaveLength(2);
    for (const error of thrown) expect(error).toBeInstanceOf(JobLostError);
    expect(await notes()).toEqual(["effect"]); // the second attempt's
  });
});

test("a commit whose reply is lost is found, and its effects are not repeated", async () => {
  const { run, sql } = await stage();
  await sql.query("create table ledger (note text not null)");
  let tries = 0;
  const lost = task("tx.lost-reply")
    .payload(empty)
    .interruptible({ attempts: 1 }, async (_, ctx) => {
      const result = await ctx.step.tx("charge", async (tx) => {
        tries++;
        await tx.query("insert into ledger values ('effect')");
        const client = tx as unknown as pg.PoolClient & { query: (...args: unknown[]) => Promise<unknown> };
        const query = client.query.bind(client);
        client.query = async (...args: unknown[]) => {
          const answer = await query(...(args as [never]));
          if (args[0] !== "commit") return answer;
          client.query = query as never;
          throw Object.assign(new Error("Connection terminated unexpectedly"), { code: "ECONNRESET" });
        };
        return 42;
      });
      expect(result).toBe(42);
    });
  await run(lost, {});
  expect(tries).toBe(1);
  expect((await sql.query("select note from ledger")).rows).toEqual([{ note: "effect" }]);
});

test("a zombie records nothing, and learns it", async () => {
  const { run, sql, checkpoints, events } = await stage();
  const thrown: unknown[] = [];
  const checked = gate();
  const zombie = task("steps.zombie")
    .payload(empty)
    .interruptible({ attempts: 1 }, async (_, ctx) => {
      if (ctx.job.delivery > 1) return;
      await sql.query("update taskmaster.job set deliveries = deliveries + 1 where id = $1", [ctx.job.id]);
      await ctx.step("late", () => 1).catch((error: unknown) => thrown.push(error));
      thrown.push(ctx.signal.reason);
      expect(await checkpoints(ctx.job.id)).toEqual([]);
      checked.open();
      await sql.query(
        "update taskmaster.job set worker = null, started_at = null, run_at = clock_timestamp() where id = $1",
        [ctx.job.id],
      );
    });
  await run(zombie, {});
  await checked.opened;
  for (const error of thrown) expect(error).toMatchObject({ code: "TASKMASTER_JOB_LOST" });
  expect(events.of("job.lost")).toHaveLength(1);
});
