import { afterEach, expect, test, vi } from "vitest";
import { z } from "zod";
import { task } from "../../../src/contract/task.ts";
import { claimJobs } from "../../../src/engine/claim.ts";
import { listLanes, readableLanes } from "../../../src/engine/lanes.ts";
import { Closing } from "../../../src/worker/closing.ts";
import { Claim, HeldJob } from "../../../src/worker/held-job.ts";
import { Runner, type RunnerOptions } from "../../../src/worker/runner.ts";
import { type TaskEntry, TaskTable } from "../../../src/worker/task-table.ts";
import { testDatabase } from "../../setup/database.ts";
import { until } from "../../setup/until.ts";
import { enqueue, register } from "../engine/cast.ts";

afterEach(() => {
  vi.useRealTimers();
});

test("what was claimed ahead and has waited for more than a second goes back, but for what starts within another at the present rate", async () => {
  const { database } = await testDatabase();
  const ends: (() => void)[] = [];
  const slow = task("slow")
    .payload(z.object({ n: z.number() }))
    .interruptible(() => new Promise<void>((resolve) => void ends.push(resolve)));
  const tasks = new TaskTable([slow]);
  const { id: process } = await register(database, { tasks: [slow] });
  const written = await enqueue(database, slow, 10);
  const [lane] = readableLanes(await listLanes(database), null, tasks.reads);
  if (lane === undefined) throw new Error("There is no lane.");
  const claimed = await claimJobs(database, { process, batch: 1, lanes: [{ lane: lane.id, quota: 10 }], starting: 0 });

  vi.useFakeTimers({ toFake: ["performance"] });
  let ended = 0;
  const runner = new Runner({
    database,
    concurrency: 1,
    closing: new Closing(),
    isSure: () => true,
    steps: {} as RunnerOptions["steps"],
    onEnded: () => void ended++,
    onRoom: () => {},
  });
  const claim = new Claim(process, 1, claimed.length);
  runner.offer(claimed.map((job) => new HeldJob(job, claim, lane, tasks.get("slow") as TaskEntry)));
  const endOne = async () => {
    const before = ended;
    await until("one runs", () => ends.length > 0);
    ends.shift()?.();
    await until("it has ended", () => ended > before);
  };
  const look = (ms: number) => {
    vi.advanceTimersByTime(ms);
    return runner.takeStale().map(({ id }) => id);
  };

  for (let i = 0; i < 4; i++) {
    await endOne();
    expect(look(250)).toEqual([]); // not longer than a second
  }
  expect(look(250)).toEqual(written.slice(8)); // three have started in the last second, and five waited
  expect(look(250)).toEqual(written.slice(7, 8));
  await endOne();
  expect(look(250)).toEqual([]); // two in the last second, and one waits
  expect(look(1_000)).toEqual(written.slice(6, 7)); // none
  await endOne();
});
