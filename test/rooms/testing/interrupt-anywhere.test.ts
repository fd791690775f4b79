import { NonRetryableError, task } from "taskmaster";
import { interruptAnywhere } from "taskmaster/testing";
import { expect, test } from "vitest";
import { z } from "zod";
import { child, n, world } from "./world.ts";

test("a half-done job survives a deploy and a rollback, or it is told where it does not", async () => {
  const { url, pool } = await world();
  const release = (steps: readonly string[], schema: z.ZodType<{ n: number }> = n) =>
    task("proof.across")
      .payload(n)
      .interruptible(async (_, ctx) => {
        for (const step of steps) await ctx.step(step, { schema }, () => ({ n: 1 }));
        await ctx.step.tx("total", (tx) => tx.query("update counter set n = n + 1").then(() => {}));
      });
  const options = {
    database: url,
    reset: () => pool.query("update counter set n = 0"),
    snapshot: async () => (await pool.query("select n from counter")).rows,
  };
  const good = { ...options, across: release(["first", "new", "second"]) };
  const report = await interruptAnywhere(release(["first", "second"]), { n: 1 }, good);
  expect(report.kills).toBe(2 * (4 + 4 + 5)); // by itself, and both ways
  const bad = {
    ...options,
    across: release(["first", "second"], z.object({ n: z.number(), more: z.string() }) as never),
  };
  await expect(interruptAnywhere(release(["first", "second"]), { n: 1 }, bad)).rejects.toThrow(
    /held|different|effects/,
  );
});

test("what cannot be proved is told", async () => {
  const { url, prove, pool } = await world();
  const short = interruptAnywhere(child, { n: 1 }, { database: url, snapshot: () => 0 });
  await expect(short).rejects.toThrow(/proof\.child is a short task/);
  let runs = 0;
  const grows = interruptAnywhere(
    task("proof.grows")
      .payload(n)
      .interruptible(() => {}),
    { n: 1 },
    { database: url, snapshot: () => ++runs },
  );
  await expect(grows).rejects.toThrow(/Let reset make the world/);
  // A task that fails leaves the same end, killed or not.
  const fails = () => {
    throw new NonRetryableError("no");
  };
  await expect(prove(fails)).rejects.toThrow(/does not succeed, its job is failed: .*no.*end: "failed"/s);
  await expect(prove(() => {}, { end: "failed" })).rejects.toThrow(/succeeds.*end: "succeeded"/s);
  const report = await prove(fails, { end: "failed" });
  expect(report.effects.map(({ what }) => what)).toEqual(["parked"]);
  expect((await pool.query("select 1 as one")).rows).toEqual([{ one: 1 }]); // the watch is off
});
