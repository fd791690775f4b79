import { workerOptions } from "./bench.js";
import { now, pause } from "./clock.js";

/** @typedef {{ done: number, failures: number, firstStart: number, lastStart: number, waits: number[], doubled: number, ran: number }} Report */

/**
 * Lets worker processes empty a queue, all or for a time, and tells what it took: from the first job's start until the
 * last one is settled.
 *
 * @param {import("./bench.js").Bench} bench
 * @param {import("./bench.js").Contestant} contestant
 * @param {import("./bench.js").Store} store
 * @param {object} options
 * @param {number} options.processes
 * @param {number} options.jobs how many are there
 * @param {number} options.capMs how long at most
 * @param {boolean} [options.settled] whether to wait until the queue is empty. Default true; false where other jobs stay in it
 * @param {Partial<import("./contestant.js").WorkerOptions>} options.worker
 * @returns {Promise<import("./bench.js").Figures>}
 */
export async function drain(bench, contestant, store, { processes, jobs, capMs, settled = true, worker }) {
  const workers = await Promise.all(Array.from({ length: processes }, () => bench.worker(contestant)));
  const before = await store.spent();
  const idle = await Promise.all(workers.map((child) => child.call("cpu")));
  const begun = now();
  await Promise.all(workers.map((child) => child.call("openWorker", workerOptions({ ...worker, url: store.url }))));
  let done = 0;
  let first = Number.POSITIVE_INFINITY;
  for (;;) {
    const reports = await Promise.all(workers.map((child) => child.call("report")));
    done = reports.reduce((sum, report) => sum + report.done, 0);
    first = Math.min(first, ...reports.map(({ firstStart }) => firstStart || Number.POSITIVE_INFINITY));
    if (done >= jobs || now() > Math.min(first, begun + 10_000) + capMs) break;
    const left = ((jobs - done) / Math.max(done, 1)) * (now() - first);
    await pause(Math.max(2, Math.min(50, left / 2 || 0)));
  }
  if (done >= jobs && settled) while (!(await contestant.drained(store.inspector))) await pause(3);
  const seconds = (now() - first) / 1_000;
  const after = await store.spent();
  const busy = await Promise.all(workers.map((child) => child.call("cpu")));
  if (done === 0) return { "jobs/s": 0 };
  const own = busy.reduce((sum, value, place) => sum + value - Number(idle[place]), 0);
  return { "jobs/s": done / seconds, ...costs(before, after, own, done) };
}

/**
 * What each job cost.
 * @param {{ wal: number | undefined, cpu: number | undefined }} before
 * @param {{ wal: number | undefined, cpu: number | undefined }} after
 * @param {number} ownCpu seconds
 * @param {number} jobs
 * @returns {import("./bench.js").Figures}
 */
export function costs(before, after, ownCpu, jobs) {
  return {
    "own CPU µs/job": (ownCpu / jobs) * 1e6,
    ...(before.cpu !== undefined && after.cpu !== undefined
      ? { "server CPU µs/job": ((after.cpu - before.cpu) / jobs) * 1e6 }
      : {}),
    ...(before.wal !== undefined && after.wal !== undefined ? { "WAL B/job": (after.wal - before.wal) / jobs } : {}),
  };
}
