import { formatMilliseconds } from "../../contract/duration.ts";
import type { WorkerTasks } from "./verdict.ts";

/** Celery's timers are late by less. */
const lateMs = 1_000;

/**
 * Tasks with a rate limit wait in their worker's memory for their turn, where none of remote control's questions shows them; and they start although
 * its consumers are cancelled. Whoever waits there starts within one period of the limit: a closed worker that has begun none for so long has none. Nor has
 * one that has never begun any, for the first starts at once.
 */
export class RateLimits {
  /** By worker and task: what was known of it, and since when it has been the same. */
  readonly #quiet = new Map<string, { readonly sign: string; readonly since: number }>();

  /** What may still wait there, a sentence each. Those that still consume are closed first. */
  doubts(workers: readonly WorkerTasks[], isOpen: (node: string) => boolean, now: number): string[] {
    return workers.flatMap((worker) =>
      [...worker.registered].flatMap(([task, { rateLimit }]) => {
        if (rateLimit === undefined) return [];
        const key = JSON.stringify([worker.node, task]);
        const sign = signOf(worker, task);
        const before = this.#quiet.get(key);
        const since = before?.sign === sign && !isOpen(worker.node) ? before.since : now;
        this.#quiet.set(key, { sign, since });
        const quietMs = 1_000 / rateLimit + lateMs;
        return sign === never || now - since > quietMs ? [] : [doubt(worker.node, task, quietMs)];
      }),
    );
  }
}

const never = "0 ";

/** Changes whenever one is let go. */
function signOf({ totals, reserved, scheduled }: WorkerTasks, task: string): string {
  const ids = [...reserved, ...scheduled].filter(({ name }) => name === task).map(({ id }) => id);
  return `${totals.get(task) ?? 0} ${ids.sort().join(" ")}`;
}

function doubt(node: string, task: string, quietMs: number): string {
  return `Celery worker ${node}: ${task} has a rate limit, and prefetched ones wait for their turn where nobody sees them. There are none once none has started for ${formatMilliseconds(Math.ceil(quietMs / 1_000) * 1_000)}.`;
}
