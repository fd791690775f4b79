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
  runner.pauseStarting();
  for (const job of runner.takeBuffered()) settler.add(job, { end: "released", interrupted: false });
  await warnAsLastReader(database, process);

  const interruptible = runner.attempts.filter((attempt) => attempt.interruptible);
  for (const attempt of interruptible) attempt.interrupt(reason);
  const graceOver = pause(graceMs, hurry).then(() => {
    for (const attempt of runner.attempts) if (attempt.interruptible) attempt.abandon();
  });
  const idle = untilIdle(runner, hurry);
  const longest = Math.max(0, ...runner.attempts.map(timeLeftMs)) + graceMs;
  await Promise.race([idle, pause(longest, hurry)]);
  if (hurry.aborted) for (const attempt of runner.attempts) if (attempt.interruptible) attempt.abandon();
  await Promise.race([idle, graceOver]);
  await Promise.race([settler.settled(), pause(hurry.aborted ? 1_000 : 15_000)]);
  settler.abandon();
}

/** How long a short attempt may still take. */
function timeLeftMs({ job, startedAt }: Attempt): number {
  const { execution } = job.task;
  return execution.kind === "short" ? execution.timeLimitMs - (performance.now() - startedAt) : 0;
}

async function untilIdle(runner: Runner, hurry: AbortSignal): Promise<void> {
  while (runner.busy && !hurry.aborted)
    await Promise.race([
      runner.nextEnd(),
      new Promise((resolve) => hurry.addEventListener("abort", resolve, { once: true })),
    ]);
}

async function warnAsLastReader(database: Database, process: number): Promise<void> {
  const stranded = await lastReaderOf(database, process).catch(() => []);
  if (stranded.length > 0) publish({ event: "last-reader.stopping", process, stranded });
}
