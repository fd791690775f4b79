import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { Taskmaster } from "../../../src/client/taskmaster.ts";
import { task } from "../../../src/contract/task.ts";
import { isBehind } from "../../../src/engine/claim.ts";
import type { Instant } from "../../../src/engine/instant.ts";
import { rescueOrphans } from "../../../src/engine/rescue.ts";
import { Worker } from "../../../src/worker/worker.ts";
import { testDatabase } from "../../setup/database.ts";
import { Events } from "../../setup/events.ts";
import { until } from "../../setup/until.ts";

test("a place is not behind itself", () => {
  const place = { runAt: 1 as Instant, id: "4711" };
  expect(isBehind(place, place)).toBe(false);
});

test("a job that another worker has rescued runs again where it ran before, when that one is back", async () => {
  const { url, sql, database } = await testDatabase();
  const events = new Events();
  let runs = 0;
  const slow = task("slow")
    .payload(z.object({}))
    .interruptible(async (_, ctx) => {
      if (++runs === 1)
        await new Promise((_, reject) => ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason)));
    });
  const worker = new Worker({ database: url, release: "a", tasks: [slow], lease: "2s" });
  await worker.start();
  const taskmaster = new Taskmaster({ database: url, release: "a" });
  await taskmaster.enqueue(slow, {});
  await taskmaster.stop();
  await until("it runs", () => runs === 1);
  onTestFinished(() => worker.stop());
  await sql.query("update taskmaster.process set died_at = now(), cause = 'lease' where id = 1"); // as after a network that was away
  const rescued = await rescueOrphans(database); // as any other worker of this system does
  await events.next("process.declared-dead");
  await until(
    "its job is back",
    async () => (await sql.query("select from taskmaster.job where worker is null")).rows.length === 1,
  );
  const since = performance.now();
  while (runs < 2 && performance.now() - since < 20_000) await new Promise((resolve) => setTimeout(resolve, 50));
  expect({ rescued: rescued.length, runs }).toEqual({ rescued: 1, runs: 2 });
});
