import { chain, task } from "taskmaster";
import { expect, test } from "vitest";
import { n, unsafe, world } from "./world.ts";

test("a chain is killed in each of its links that may be interrupted, to the end of the last", async () => {
  const { pool, proveTask } = await world();
  const fetched = task("fetch")
    .payload(n)
    .interruptible(async (payload, ctx) => {
      for await (const item of ctx.each("items", [1, 2])) await ctx.step(`item ${item}`, () => item);
      await ctx.step.tx("count", (tx) => tx.query("update counter set n = n + $1", [payload.n]).then(() => {}));
      return { n: 2 };
    });
  // Never interrupted: what would be done twice by a rerun is done once.
  const charged = task("charge")
    .payload(n)
    .short(async (payload) => {
      await pool.query("update counter set n = n + $1", [payload.n]);
      return { n: 3 };
    });
  const noted = task("note")
    .payload(n)
    .interruptible(async (payload, ctx) => {
      for await (const item of ctx.each("items", [3, 4, 5])) await ctx.step(`item ${item}`, () => item);
      await ctx.commit((tx) => tx.query("insert into ledger values ('a', $1)", [String(payload.n)]).then(() => {}));
    });
  const report = await proveTask(chain("onboard", fetched, charged, noted), { n: 1 });
  expect(report.effects.map(({ kind }) => kind)).toEqual([
    ...["step", "step", "transaction", "end"],
    ...["sql", "end"],
    ...["step", "step", "step", "transaction", "end"],
  ]);
  expect(report.kills).toBe(2 * 9); // not within the short one

  const error = await unsafe(
    proveTask(
      chain(
        "welcome",
        charged,
        task("count")
          .payload(n)
          .interruptible(async (payload, ctx) => {
            await pool.query("update counter set n = n + $1", [payload.n]); // second link
            await ctx.step("last", () => 1);
          }),
      ),
      { n: 1 },
    ),
    import.meta.filename,
    "second link",
  );
  expect(error.message).toMatch(/^welcome:2 is not safe to rerun/);
});
