import { expect, test } from "vitest";
import { z } from "zod";
import { Taskmaster } from "../../../src/client/taskmaster.ts";
import { task } from "../../../src/contract/task.ts";
import { Worker } from "../../../src/worker/worker.ts";
import { testDatabase } from "../../setup/database.ts";
import { until } from "../../setup/until.ts";

const empty = z.object({});

test("a worker whose interruptible attempt is in the middle of a transaction stops after its grace time", async () => {
  const { url, sql } = await testDatabase();
  let begun = false;
  const slow = task("slow")
    .payload(empty)
    .interruptible(async (_, ctx) => {
      await ctx.step.tx("fill", async (tx) => {
        begun = true;
        await tx.query("select pg_sleep(60)");
      });
    });
  await using taskmaster = new Taskmaster({ database: url, release: "a" });
  const worker = new Worker({ database: url, release: "a", tasks: [slow], grace: "500ms" });
  await worker.start();
  await taskmaster.enqueue(slow, {});
  await until("it is in its transaction", () => begun);
  const since = performance.now();
  await worker.stop();
  expect(performance.now() - since).toBeLessThan(30_000); // not the statement's minute
  expect((await sql.query("select from taskmaster.job where worker is null")).rowCount).toBe(1);
});

test.each([{ grace: "5 secs." }, { keepSucceeded: "a week" }, { lease: "soon" }])(
  "a worker with %j is refused before it has registered",
  (option) => {
    const some = task("some")
      .payload(empty)
      .short(() => {});
    const make = () => new Worker({ database: "postgres://nowhere.invalid/x", release: "a", tasks: [some], ...option });
    expect(make).toThrow(/is not a duration/);
  },
);
