import { lastReaderOf } from "../engine/backlog.ts";
import { type Database, pause } from "../engine/database.ts";
import { publish } from "../engine/events.ts";
import type { Attempt } from "./attempt.ts";
import type { Runner } from "./runner.ts";
import type { Settler } from "./settler.ts";

/**
 * A worker's orderly end, after its claim loop has stopped. The heartbeat goes on until all of this is over. Invariants:
 *
 * 1. What was not started goes back to the queue at once, where it stood.
 * 2. Interruptible attempts are told to stop, and after `graceMs` their jobs go back, whether they listened or not.
 * 3. Short attempts are waited for, as long as their time limit allows and `graceMs` more; one that ignores its limit is left behind,
 *    and whoever finds its job holds it.
 */
/** How long the last outcomes may take to be written, where the database is slow or away. */
const settlingMs = 15_000;
const hurriedSettlingMs = 1_000;

export interface DrainOptions {
  readonly database: Database;
  readonly process: number;
  readonly runner: Runner;
  readonly settler: Settler;
  readonly graceMs: number;
  /** Cuts the waiting short. */
  readonly hurry: AbortSignal;
  readonly reason: string;
}

export async function drain({
  database,
  process,
  runner,
  settler,
  graceMs,
  hurry,
  reason,
}: DrainOptions): Promise<void> {
  for (const job of runner.takeBuffered()) settler.add(job, { end: "released", interrupted: false });
  await warnAsLastReader(database, process);

  const over = new AbortController(); // ends the pauses, so that no timer outlives the worker
  const cut = AbortSignal.any([hurry, over.signal]);
  try {
    const patienceMs = Math.max(0, ...runner.attempts.map(timeLeftMs)) + graceMs;
    const interruptible = () => runner.attempts.filter((attempt) => attempt.interruptible);
    for (const attempt of interruptible()) attempt.interrupt(reason);
    const graceOver = pause(graceMs, cut).then(() => {
      for (const attempt of interruptible()) attempt.abandon();
    });
    const idle = untilIdle(runner, cut);
    await Promise.race([Promise.all([graceOver, pause(patienceMs, cut)]), idle]);
    await Promise.race([settler.settled(), pause(hurry.aborted ? hurriedSettlingMs : settlingMs, over.signal)]);
  } finally {
    over.abort();
    settler.abandon();
  }
}

/** How long a short attempt may still take. */
export function timeLeftMs({ job, startedAt }: Attempt): number {
  const { execution } = job.task;
  return execution.kind === "short" ? execution.timeLimitMs - (performance.now() - startedAt) : 0;
}

async function untilIdle(runner: Runner, cut: AbortSignal): Promise<void> {
  const isCut = new Promise((resolve) => cut.addEventListener("abort", resolve, { once: true }));
  while (runner.busy && !cut.aborted) await Promise.race([runner.nextEnd(), isCut]);
}

async function warnAsLastReader(database: Database, process: number): Promise<void> {
  const stranded = await lastReaderOf(database, process).catch(() => []);
  if (stranded.length > 0) publish({ event: "last-reader.stopping", process, stranded });
}
