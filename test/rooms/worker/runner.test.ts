import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import { task } from "../../../src/contract/task.ts";
import { claimJobs } from "../../../src/engine/claim.ts";
import { Database } from "../../../src/engine/database.ts";
import { listLanes, readableLanes } from "../../../src/engine/lanes.ts";
import { releaseJobs } from "../../../src/engine/release.ts";
import { Closing } from "../../../src/worker/closing.ts";
import { Claim, HeldJob } from "../../../src/worker/held-job.ts";
import { Runner, type RunnerOptions } from "../../../src/worker/runner.ts";
import { type TaskEntry, TaskTable } from "../../../src/worker/task-table.ts";
import { testDatabase } from "../../setup/database.ts";
import { until } from "../../setup/until.ts";
import { enqueue, register } from "../engine/cast.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A runner with one slot, and jobs of a task whose attempts end when the test says so; `claim` claims all of them. */
async function stage(jobs: number, kind: "short" | "interruptible" = "interruptible") {
  const { database, sql } = await testDatabase();
  const ends: (() => void)[] = [];
  const named = task("slow").payload(z.object({ n: z.number() }));
  const run = () => new Promise<void>((resolve) => void ends.push(resolve));
  const slow = kind === "short" ? named.short(run) : named.interruptible(run);
  const tasks = new TaskTable([slow]);
  const { id: process } = await register(database, { tasks: [slow] });
  const written = await enqueue(database, slow, jobs);
  const [lane] = readableLanes(await listLanes(database), null, tasks.reads);
  if (lane === undefined) throw new Error("There is no lane.");
  let [batch, ended] = [0, 0];
  const runner = new Runner({
    database,
    concurrency: 1,
    closing: new Closing(),
    isSure: () => true,
    steps: {} as RunnerOptions["steps"], // these attempts take none
    onEnded: () => void ended++,
    onRoom: () => {},
  });
  return {
    sql,
    written,
    ends,
    runner,
    async claim(): Promise<HeldJob[]> {
      const lanes = [{ lane: lane.id, quota: jobs }];
      const claimed = await claimJobs(database, { process, batch: ++batch, lanes, starting: 0 });
      const claim = new Claim(process, batch, claimed.length);
      return claimed.map((job) => new HeldJob(job, claim, lane, tasks.get("slow") as TaskEntry));
    },
    /** So many milliseconds later, which jobs go back. */
    look(ms: number): string[] {
      vi.advanceTimersByTime(ms);
      return runner.takeStale().map(({ id }) => id);
    },
    /** Gives claimed jobs back. */
    async giveBack(held: readonly HeldJob[], interrupted: boolean): Promise<void> {
      await releaseJobs(
        database,
        process,
        held.map(({ id, delivery }) => ({ id, delivery, interrupted })),
      );
    },
    async endOne(): Promise<void> {
      const before = ended;
      await until("one runs", () => ends.length > 0);
      ends.shift()?.();
      await until("it has ended", () => ended > before);
    },
  };
}

test("what was claimed ahead and has waited for more than a second goes back, but for what starts within another at the present rate", async () => {
  const { claim, endOne, look, runner, written } = await stage(10);
  runner.offer(await claim());
  for (let i = 0; i < 4; i++) {
    await endOne();
    expect(look(250)).toEqual([]); // not longer than a second
  }
  expect(look(250)).toEqual(written.slice(8)); // three have started in the last second, and five waited
  await endOne();
  expect(look(750)).toEqual(written.slice(7, 8)); // one
  await endOne();
});

test("where no attempt ends between three looks, what was claimed ahead before them goes back, however quick it had been", async () => {
  const { claim, endOne, look, runner, written } = await stage(10);
  for (let i = 0; i < 4; i++) expect(look(250)).toEqual([]);
  runner.offer(await claim());
  expect(look(10)).toEqual([]); // only just come
  await endOne();
  expect(look(10)).toEqual([]);
  await endOne();
  expect(look(250)).toEqual([]);
  expect(look(250)).toEqual([]);
  expect(look(250)).toEqual(written.slice(3));
  await endOne();
});

test("what waits for a database that is slow to take a start does not go back, which would be one thing more to do", async () => {
  const { claim, endOne, look, runner, sql, written } = await stage(3, "short");
  const other = await sql.connect();
  onTestFinished(() => other.release(true));
  await other.query("begin");
  const jobs = await claim();
  await other.query("select from taskmaster.job where id = $1 for update", [written[0]]);
  runner.offer(jobs);
  for (let i = 0; i < 4; i++) expect(look(250)).toEqual([]);
  await other.query("commit");
  await endOne();
});

test("a program that had no turn for a while keeps what it has claimed, if attempts end as soon as it has", async () => {
  const { claim, endOne, look, runner } = await stage(10);
  runner.offer(await claim());
  for (let i = 0; i < 3; i++) {
    await endOne();
    expect(look(50)).toEqual([]);
  }
  expect(look(700)).toEqual([]);
  await endOne();
});

test("an attempt is announced before it begins where one may have begun before, and not where the job only went back", async () => {
  const { claim, giveBack, endOne, ends, runner, sql } = await stage(1);
  const startsAnnounced = async () => {
    const jobs = await claim();
    runner.offer(jobs);
    await until("it runs", () => ends.length === 1);
    const { rows } = await sql.query<{ told: boolean }>("select started_at is not null as told from taskmaster.job");
    await endOne();
    await giveBack(jobs, true);
    return rows[0]?.told;
  };
  for (let i = 0; i < 3; i++) await giveBack(await claim(), false);
  expect(await startsAnnounced()).toBe(false);
  expect(await startsAnnounced()).toBe(true);
});

test("a start that the database did not take is announced with the next round", async () => {
  const { claim, endOne, ends, runner, sql } = await stage(1);
  runner.offer(await claim());
  await until("it runs", () => ends.length === 1);
  vi.advanceTimersByTime(1_000);
  const query = vi.spyOn(Database.prototype, "query").mockRejectedValueOnce(new Error("Connection terminated"));
  onTestFinished(() => query.mockRestore());
  await expect(runner.announceLongRunning()).rejects.toThrow("Connection terminated");
  await runner.announceLongRunning();
  const { rows } = await sql.query("select started_at is not null as told from taskmaster.job");
  expect(rows).toEqual([{ told: true }]);
  await endOne();
});
