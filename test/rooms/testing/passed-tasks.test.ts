import { randomUUID } from "node:crypto";
import { rename, writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { child, world } from "./world.ts";

describe("passes a task that", () => {
  test("does everything in transactions of steps, and completes with a commit", async () => {
    const { prove } = await world();
    const report = await prove(async (_, ctx) => {
      const plan = await ctx.step("plan", () => [1, 2, 3]);
      await ctx.step.tx("count", (tx) => tx.query("update counter set n = n + 1").then(() => {}));
      await ctx.each.tx("ledger", plan, { batch: 2 }, async (tx, batch) => {
        for (const each of batch) await tx.query("insert into ledger values ($1, 'row')", [each]);
      });
      await ctx.enqueue(child, { n: 1 });
      await ctx.commit((tx) => tx.query("update counter set n = n + 10"));
    });
    expect(report.effects.map(({ kind, what }) => `${kind} ${what}`)).toEqual([
      "step plan",
      "transaction commit",
      "transaction commit",
      "transaction commit",
      "transaction commit",
      "end committed",
    ]);
    expect(report.kills).toBe(12);
  });

  test("gives those it calls the step's key", async () => {
    const { mail, post, prove } = await world();
    await prove(async (_, ctx) => {
      await ctx.step("mail", async ({ key }) => void (await mail("hello", { "idempotency-key": key })));
      await ctx.step("post", ({ key }) => post("again", { "idempotency-key": key }));
    });
  });

  test("writes what may be written again", async () => {
    const { pool, file, prove } = await world();
    await prove(async (_, ctx) => {
      for await (const each of ctx.each("rows", [1, 2, 3]))
        await pool
          .query("with old as (delete from ledger where id = $1) select 1", [each])
          .then(() =>
            pool.query("insert into ledger select $1, 'row' where not exists (select from ledger where id = $1)", [
              String(each),
            ]),
          );
      const temporary = `${file}.${randomUUID()}`;
      await writeFile(temporary, "the whole of it");
      await rename(temporary, file);
    });
  });

  test("goes through a list that a step has put in another order each time", async () => {
    const { pool, prove } = await world();
    const write = "insert into ledger select $1, 'row' where not exists (select from ledger where id = $1)";
    let runs = 0;
    await prove(async (_, ctx) => {
      const shuffled = await ctx.step("shuffle", () => (runs++ % 2 === 0 ? ["a", "b"] : ["b", "a"]));
      for await (const row of ctx.each("shuffled", shuffled)) await pool.query(write, [row]);
    });
  });

  test("runs steps beside each other that end in any order", async () => {
    const { mail, prove } = await world();
    let turn = 0;
    const report = await prove(async (_, ctx) => {
      const slow = ++turn % 2; // each time another one is the last
      await Promise.all(
        [0, 1].map(async (part) => {
          await ctx.step(`part ${part}`, async ({ key }) => {
            for (let turns = part === slow ? 50 : 0; turns > 0; turns--) await new Promise(setImmediate);
            await mail(`part ${part}`, { "idempotency-key": key });
          });
          await ctx.step.tx(`note ${part}`, async (tx) => {
            await tx.query("insert into ledger values ($1, 'done')", [part]);
          });
        }),
      );
    });
    expect(report.kills).toBeGreaterThan(10);
  });

  test("enqueues within its transactions, through a client that registers the child on the way", async () => {
    const { taskmaster, prove } = await world();
    await prove(async (_, ctx) => {
      await ctx.each.tx("rows", [1, 2], { batch: 1 }, async (tx, [row]) => {
        await taskmaster.enqueue(child, { n: row ?? 0 }, { within: tx });
      });
    });
  });

  test("enqueues with a key, which takes it once however often it runs", async () => {
    const { taskmaster, prove } = await world();
    await prove(async (_, ctx) => {
      await taskmaster.enqueue(child, { n: 1 }, { key: "directly" });
      await ctx.step("between", () => 1);
      await ctx.enqueue(child, { n: 2 }, { key: "at the end" });
    });
  });

  test("sleeps, waits for an event and enqueues children with its completion", async () => {
    const { prove } = await world();
    await prove(
      async (_, ctx) => {
        await ctx.sleep("a while", "3 days");
        const answer = await ctx.waitFor("answer");
        await ctx.step.tx("note", (tx) => tx.query("insert into ledger values ('a', $1)", [answer]).then(() => {}));
        await ctx.enqueue(child, { n: 1 });
        await ctx.enqueue(child, { n: 2 });
      },
      { events: { answer: "yes" } },
    );
  });

  test("uses a transaction of its own that checks whether it was done", async () => {
    const { pool, prove } = await world();
    await prove(async (_, ctx) => {
      await ctx.step("first", () => 1);
      const client = await pool.connect();
      try {
        await client.query("begin");
        const { rowCount } = await client.query(
          "insert into ledger select 'a', 'once' where not exists (select from ledger where id = 'a')",
        );
        if (rowCount === 1) await client.query("update counter set n = n + 1");
        await client.query("commit");
      } finally {
        client.release();
      }
    });
  });
});
