import { z } from "zod";
import type { EnqueueOptions } from "../../../src/client/enqueue-options.ts";
import { readable } from "../../../src/contract/contract.ts";
import { place } from "../../../src/contract/enqueue.ts";
import { storePayload } from "../../../src/contract/payload.ts";
import { type AnyTask, contractOf, executionOf, isRunnableTask, task } from "../../../src/contract/task.ts";
import { claimJobs } from "../../../src/engine/claim.ts";
import type { ClaimedJob } from "../../../src/engine/claimed-job.ts";
import type { Database } from "../../../src/engine/database.ts";
import { enqueueJobs, type NewJob } from "../../../src/engine/enqueue.ts";
import { JobNumbers } from "../../../src/engine/job-numbers.ts";
import { LaneBook, listLanes, readableLanes } from "../../../src/engine/lanes.ts";
import { type Registration, registerProcess } from "../../../src/engine/registry.ts";

/** Who takes part in the tests of the engine: tasks of each kind, processes that are only rows, jobs. */

const n = z.object({ n: z.number() });
export const short = task("short")
  .payload(n)
  .short(() => {});
export const retryable = task("retryable")
  .payload(n)
  .short({ afterCrash: "retry" }, () => {});
export const interruptible = task("interruptible")
  .payload(n)
  .interruptible(() => {});

/** From a backlog of which nobody else has claimed since. */
const afterAllClaims = Date.UTC(2200, 0) * 1_000;

/** A registered process; nothing of it runs but what the test does in its name. */
export interface Process extends Registration {
  readonly id: number;
  claim(options?: {
    quota?: number;
    starting?: number;
    backlog?: boolean;
    payloadLength?: number;
    on?: Database;
  }): Promise<Claimed[]>;
  /** The number of its last claim. */
  readonly batch: number;
}

export interface ProcessOptions {
  readonly tasks?: readonly AnyTask[];
  readonly release?: string;
  readonly role?: "worker" | "producer";
  readonly queues?: readonly string[] | null;
  readonly leaseMs?: number;
}

export async function register(
  database: Database,
  {
    tasks = [short, retryable, interruptible],
    release = "r1",
    role = "worker",
    queues = null,
    leaseMs = 60_000,
  }: ProcessOptions = {},
): Promise<Process> {
  const registration = await registerProcess(database, {
    role,
    release: { name: release, source: "explicit" },
    tasks: tasks.map((one) => ({
      contract: contractOf(one),
      ...(isRunnableTask(one) && role === "worker" && { execution: executionOf(one) }),
    })),
    queues,
    concurrency: 10,
    leaseMs,
    host: "test",
    pid: 1,
    version: "test",
  });
  const reads = (name: string) => {
    const known = tasks.find((one) => [one.name, ...contractOf(one).formerNames].includes(name));
    return known && readable(contractOf(known));
  };
  let batch = 0;
  return {
    ...registration,
    id: registration.process,
    get batch() {
      return batch;
    },
    async claim({ quota = 100, starting = quota, backlog = false, payloadLength = 0, on = database } = {}) {
      const backlogAt = backlog ? afterAllClaims : undefined;
      const lanes = readableLanes(await listLanes(on), queues, reads).map(({ id }) => ({ lane: id, quota, backlogAt }));
      batch++;
      return (await claimJobs(on, { process: registration.process, batch, lanes, starting, payloadLength })).map(
        copied,
      );
    },
  };
}

/** Jobs as a producer would write them, not written yet. */
export async function newJobs(
  database: Database,
  target: AnyTask,
  payloads: readonly unknown[],
  options: EnqueueOptions = {},
): Promise<NewJob[]> {
  const contract = contractOf(target);
  const { queue, priority, runAt } = place(contract, options);
  const ids = await new JobNumbers(database).take(payloads.length);
  const lanes = new LaneBook(database);
  return Promise.all(
    payloads.map(async (payload, index) => {
      const { min, max, text, olderText } = await storePayload(contract, payload);
      const lane = await lanes.idOf({ queue, task: contract.name, min, max, priority });
      return { id: ids[index] ?? "", lane, runAt, payload: text, older: olderText };
    }),
  );
}

/** Enqueues, and answers with the jobs' numbers. */
export async function enqueue(
  database: Database,
  target: AnyTask,
  count = 1,
  options: EnqueueOptions = {},
): Promise<string[]> {
  const jobs = await newJobs(
    database,
    target,
    Array.from({ length: count }, (_, index) => ({ n: index })),
    options,
  );
  await enqueueJobs(database, jobs, { forMs: 5_000, notify: false });
  return jobs.map(({ id }) => id);
}

/** A claimed job as a plain object, which a test can take apart and change. */
export type Claimed = Omit<ClaimedJob, "brought" | "place" | "claimedAt" | "readPayload" | "payloadLength"> & {
  readonly payload: unknown;
};

function copied(job: ClaimedJob): Claimed {
  return {
    id: job.id,
    lane: job.lane,
    delivery: job.delivery,
    unstarted: job.unstarted,
    failures: job.failures,
    crashes: job.crashes,
    interruptions: job.interruptions,
    keyed: job.keyed,
    started: job.started,
    runAt: job.runAt,
    enqueuedAt: job.enqueuedAt,
    waitedMs: job.waitedMs,
    payload: job.readPayload(),
    older: job.older,
  };
}

/** A settlement of a claimed job. */
export function success(job: Claimed) {
  const { id, delivery, lane, failures, keyed, waitedMs } = job;
  return { id, delivery, lane, failures, keyed, waitedMs, ranMs: 1, recorded: false };
}
