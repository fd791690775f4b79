import { expect, test } from "vitest";
import { z } from "zod";
import { Taskmaster } from "../../src/client/taskmaster.ts";
import { task } from "../../src/contract/task.ts";
import { prepare } from "../../src/deploy/prepare.ts";
import { Database } from "../../src/engine/database.ts";
import { TaskmasterFleet } from "../../src/fleets/taskmaster/taskmaster-fleet.ts";
import { Worker } from "../../src/worker/worker.ts";
import { testDatabase } from "../setup/database.ts";
import { Events } from "../setup/events.ts";
import { choices } from "./histories.ts";

/**
 * Promise 6 under load, many times: gates that close at any moment of workers that are never idle.
 * `TASKMASTER_GATE_TRIALS` says how often (default 60), `TASKMASTER_SEED` makes other choices.
 */
const trials = Number(process.env.TASKMASTER_GATE_TRIALS ?? 60);
const seed = Number(process.env.TASKMASTER_SEED ?? 1);

test(`in ${trials} trials under load no job starts between the verdict and the gate's end (seed ${seed})`, {
  timeout: 180_000 + trials * 1_000,
}, async () => {
  const { url } = await testDatabase();
  const choose = choices(seed);
  const ms = z.object({ ms: z.number() });
  const wait = ({ ms }: { ms: number }) =>
    new Promise<void>((resolve) => (ms === 0 ? resolve() : setTimeout(resolve, ms)));
  const tasks = [
    task("hold").payload(ms).short({ timeLimit: "5s" }, wait),
    task("again").payload(ms).short({ timeLimit: "5s", afterCrash: "retry" }, wait),
    task("index").payload(ms).interruptible(wait),
  ] as const;
  const workers = [1, 3, 10].map((concurrency) => new Worker({ database: url, tasks, concurrency, release: "old" }));
  const client = new Taskmaster({ database: url, tasks, release: "old" });
  const database = new Database({ url, connections: 3 });
  const events = new Events();
  const starts = () => events.of("job.started").length;
  for (const worker of workers) await worker.start();

  let over = false;
  const enqueueing = (async () => {
    while (!over) {
      const target = choose.of(tasks);
      const payloads = Array.from({ length: choose.between(1, 40) }, () => ({
        ms: choose.chance(0.5) ? 0 : choose.between(1, 15),
      }));
      await client.enqueueMany(target, payloads);
      await wait({ ms: choose.between(0, 12) });
    }
  })();
  const verdicts = { safe: 0, blocked: 0, aborted: 0 };
  let startsBehind = 0;
  for (let trial = 0; trial < trials; trial++) {
    await wait({ ms: choose.between(0, 40) });
    const holder = { by: "test", host: "here", pid: trial };
    const onlyShort = choose.chance(0.3);
    const fleet = new TaskmasterFleet({ database, sessions: true, holder, release: null, onlyShort, leaseMs: 15_000 });
    const prepared = await prepare({
      fleets: [fleet],
      timeoutMs: choose.chance(0.1) ? choose.between(1, 20) : 60_000,
      leaseMs: 15_000,
      holdMs: 30_000,
      signal: choose.chance(0.1) ? AbortSignal.timeout(choose.between(1, 30)) : new AbortController().signal,
    });
    verdicts[prepared.verdict]++;
    if (prepared.verdict === "safe") {
      const before = starts();
      await wait({ ms: choose.between(0, 30) });
      startsBehind += starts() - before;
      await fleet.reopen(choose.chance(0.5) ? "finished" : "aborted");
    }
    await fleet.leave();
  }
  over = true;
  await enqueueing;
  expect(startsBehind).toBe(0);
  expect(verdicts.safe).toBeGreaterThan(trials / 2);
  await client.stop();
  await Promise.all(workers.map((worker) => worker.stop()));
  await database.end();
  expect(events.of("job.failed")).toEqual([]);
  expect(events.of("job.held")).toEqual([]);
});
