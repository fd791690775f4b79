import { expect, test } from "vitest";
import { z } from "zod";
import { task } from "../../../src/contract/task.ts";
import { claimJobs } from "../../../src/engine/claim.ts";
import type { Database } from "../../../src/engine/database.ts";
import { listLanes, readableLanes } from "../../../src/engine/lanes.ts";
import { Closing } from "../../../src/worker/closing.ts";
import { Claim, HeldJob } from "../../../src/worker/held-job.ts";
import { Runner, type RunnerOptions } from "../../../src/worker/runner.ts";
import { type TaskEntry, TaskTable } from "../../../src/worker/task-table.ts";
import { testDatabase } from "../../setup/database.ts";
import { enqueue, register } from "../engine/cast.ts";

test("an attempt whose announcement the database did not take is announced with the next round", async () => {
  const { database, sql } = await testDatabase();
  let end = () => {};
  const slow = task("slow")
    .payload(z.object({ n: z.number() }))
    .interruptible(
      () =>
        new Promise<void>((resolve) => {
          end = resolve;
        }),
    );
  const tasks = new TaskTable([slow]);
  const { id: process } = await register(database, { tasks: [slow] });
  await enqueue(database, slow, 1);
  const [lane] = readableLanes(await listLanes(database), null, tasks.reads);
  if (lane === undefined) throw new Error("There is no lane.");
  let away = true;
  const flaky = new Proxy(database, {
    get: (target, name) =>
      name === "query"
        ? (...rest: Parameters<Database["query"]>) =>
            away ? Promise.reject(new Error("Connection terminated unexpectedly")) : target.query(...rest)
        : Reflect.get(target, name),
  });
  const runner = new Runner({
    database: flaky,
    concurrency: 1,
    closing: new Closing(),
    isSure: () => true,
    steps: {} as RunnerOptions["steps"],
    onEnded: () => {},
    onRoom: () => {},
  });
  const claimed = await claimJobs(database, { process, batch: 1, lanes: [{ lane: lane.id, quota: 1 }], starting: 0 });
  const claim = new Claim(process, 1, 1);
  runner.offer(claimed.map((job) => new HeldJob(job, claim, lane, tasks.get("slow") as TaskEntry)));
  await new Promise((resolve) => setTimeout(resolve, 300));
  await runner.announceLongRunning().catch(() => {}); // as Running's round does
  away = false;
  await runner.announceLongRunning();
  const { rows } = await sql.query("select started_at is not null as told from taskmaster.job");
  end();
  expect(rows).toEqual([{ told: true }]);
});
