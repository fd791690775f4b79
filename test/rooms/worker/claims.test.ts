import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import { Taskmaster } from "../../../src/client/taskmaster.ts";
import { task } from "../../../src/contract/task.ts";
import { Database } from "../../../src/engine/database.ts";
import type { TaskmasterEvent } from "../../../src/engine/events.ts";
import { Worker } from "../../../src/worker/worker.ts";
import { testDatabase } from "../../setup/database.ts";
import { passage } from "../../setup/passage.ts";
import { until } from "../../setup/until.ts";

/** Runs jobs, and tells how many a worker had claimed, at most, that had not started (`ahead`), or not ended (`held`). */
async function most(
  { jobs, concurrency, bytes = 0 }: { jobs: number; concurrency: number; bytes?: number },
  run: () => Promise<void> | void,
) {
  const { url } = await testDatabase();
  let [claimed, started, ended, settled, ahead, held] = [0, 0, 0, 0, 0, 0];
  let finish: () => void = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const told = (event: unknown) => {
    const one = event as TaskmasterEvent;
    if (one.event === "job.claimed") claimed += one.jobs.length;
    if (one.event === "job.succeeded" && ++settled === jobs) finish();
    ahead = Math.max(ahead, claimed - started);
    held = Math.max(held, claimed - ended);
  };
  subscribe("taskmaster", told);
  onTestFinished(() => void unsubscribe("taskmaster", told));
  const one = task("claims.one")
    .payload(z.object({ text: z.string() }))
    .interruptible(async () => {
      started++;
      await run();
      ended++;
    });
  await using client = new Taskmaster({ database: url, tasks: [one], release: "r1" });
  await client.enqueueMany(one, Array(jobs).fill({ text: "x".repeat(bytes) }));
  await using worker = new Worker({ database: url, tasks: [one], concurrency, release: "r1" });
  await worker.start();
  await finished;
  expect(claimed).toBe(jobs);
  return { ahead, held };
}

test("a worker claims no job that it cannot start where they take their time, although claims follow each other at once", async () => {
  const slowly = () => new Promise<void>((resolve) => setTimeout(resolve, 400));
  expect((await most({ jobs: 12, concurrency: 3 }, slowly)).held).toBe(3);
});

test("of jobs that do nothing a worker has 6,000 ahead of its slots at most, although claims follow each other at once", async () => {
  const { ahead } = await most({ jobs: 40_000, concurrency: 10 }, () => {});
  expect(ahead).toBeGreaterThan(100); // how many more is a matter of the machine's speed
  expect(ahead).toBeLessThanOrEqual(6_010);
});

test("a worker whose program is busy with something else claims what it comes to start, and nothing goes back", async () => {
  const jobs = 2_100;
  let ran = 0;
  const busy = () => {
    for (const since = performance.now(); performance.now() - since < 120; );
    if (ran < jobs) setImmediate(busy);
  };
  const { ahead } = await most({ jobs, concurrency: 10 }, () => {
    if (++ran === 1) setImmediate(busy);
  }); // it has seen that none was claimed twice
  expect(ahead).toBeLessThan(1_000);
});

test("of jobs with large payloads a worker has no more ahead than 16 MB of them, however fast they end", async () => {
  const { ahead } = await most({ jobs: 100, concurrency: 4, bytes: 900_000 }, () => {});
  expect(ahead).toBeGreaterThan(4);
  expect(ahead).toBeLessThanOrEqual(17 + 4);
});

test("of long payloads a claim tells in short texts, as soon as one has been seen, and a claim from a backlog is a large statement", async () => {
  const answers = vi.spyOn(Database.prototype, "queryInLine");
  onTestFinished(() => answers.mockRestore());
  await most({ jobs: 8_000, concurrency: 10, bytes: 1_000 }, () => {});
  const claims = (await Promise.all(answers.mock.results.map(({ value }) => value))) as {
    readonly payloads: string;
  }[][];
  const lengths = claims.map((rows) => rows.map(({ payloads }) => payloads.length)).filter(({ length }) => length > 0);
  expect(lengths.some((rows) => rows.length > 5)).toBe(true);
  expect(answers.mock.calls.some(([, , how]) => how?.isLarge)).toBe(true);
  expect(Math.max(...lengths.slice(2).flat())).toBeLessThan(128_000); // two may be on their way
});

test("connections that break while claims from a backlog are on their way, one behind the other, lose no job and double none", async () => {
  const { url, sql } = await testDatabase();
  const jobs = 40_000;
  const runs = new Map<number, number>();
  let finish: () => void = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const counted = task("claims.counted")
    .payload(z.object({ n: z.number() }))
    .interruptible(({ n }) => {
      runs.set(n, (runs.get(n) ?? 0) + 1);
      if (runs.size === jobs) finish();
    });
  await using client = new Taskmaster({ database: url, tasks: [counted], release: "r1" });
  await client.enqueueMany(
    counted,
    Array.from({ length: jobs }, (_, n) => ({ n })),
  );
  await using worker = new Worker({ database: url, tasks: [counted], release: "r1" });
  await worker.start();
  let broken = 0;
  while (runs.size < jobs && broken < 4) {
    const before = runs.size;
    const { rowCount } = await sql.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and state = 'active' and query like '%with me as materialized%'",
    );
    broken += rowCount ?? 0;
    await until("it goes on", () => runs.size > before || runs.size === jobs);
  }
  await finished;
  expect(broken).toBeGreaterThan(1);
  expect(new Set(runs.values())).toEqual(new Set([1]));
});

test("the first job of a worker waits for no connection to be opened: that of its claims is there, and a claim planned", async () => {
  const { url, sql } = await testDatabase();
  const way = await passage(url);
  let ran = 0;
  const first = task("claims.first")
    .payload(z.object({}))
    .interruptible(() => {
      ran++;
    });
  await using worker = new Worker({ database: way.url, tasks: [first], release: "r1" });
  await worker.start();
  await until("a claim of nothing has been made", async () => {
    const { rowCount } = await sql.query(
      "select from pg_stat_activity where datname = current_database() and state = 'idle' and query like '%with me as materialized%' and application_name like 'taskmaster%'",
    );
    return rowCount === 1;
  });
  way.let("refused");
  await using client = new Taskmaster({ database: url, tasks: [first], release: "r1" });
  await client.enqueue(first, {});
  await until("the job has run", () => ran === 1);
  way.let("open");
});
