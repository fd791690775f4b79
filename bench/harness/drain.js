import { workerOptions } from "./bench.js";
import { now, pause } from "./clock.js";

/** @typedef {{ done: number, failures: number, firstStart: number, lastStart: number, waits: number[], doubled: number, ran: number }} Report */

/**
 * Lets worker processes empty a queue, all or for a time, and tells what it took: from the first job's start, or from `warmMs` after it, until the
 * last one is settled.
 *
 * @param {import("./bench.js").Bench} bench
 * @param {import("./bench.js").Contestant} contestant
 * @param {import("./bench.js").Store} store
 * @param {object} options
 * @param {number} options.processes
 * @param {number} options.jobs how many are there
 * @param {number} options.capMs how long at most, from where the measurement begins
 * @param {number} [options.warmMs] how long a process works before the measurement begins: its first seconds are those of its compiler.
 * Where a third of the jobs is done earlier, it begins then. Default 0
 * @param {boolean} [options.settled] whether to wait until the queue is empty. Default true; false where other jobs stay in it
 * @param {Partial<import("./contestant.js").WorkerOptions>} options.worker
 * @returns {Promise<import("./bench.js").Figures>}
 */
export async function drain(bench, contestant, store, { processes, jobs, capMs, warmMs = 0, settled = true, worker }) {
  const workers = await Promise.all(Array.from({ length: processes }, () => bench.worker(contestant)));
  const ownCpu = async () =>
    (await Promise.all(workers.map((child) => child.call("cpu")))).reduce((sum, one) => sum + one, 0);
  const look = async () => {
    const reports = await Promise.all(workers.map((child) => child.call("report")));
    const starts = reports.map(({ firstStart }) => firstStart || Number.POSITIVE_INFINITY);
    return { at: now(), done: reports.reduce((sum, { done }) => sum + done, 0), first: Math.min(...starts) };
  };
  let before = { spent: await store.spent(), own: await ownCpu() };
  const begun = now();
  await Promise.all(workers.map((child) => child.call("openWorker", workerOptions({ ...worker, url: store.url }))));
  let seen = await look();
  let from = { at: seen.first, done: 0 };
  if (warmMs > 0) {
    while (seen.at < Math.min(seen.first, begun + 10_000) + warmMs && seen.done < jobs / 3) {
      await pause(10);
      seen = await look();
    }
    before = { spent: await store.spent(), own: await ownCpu() };
    from = seen = await look();
  }
  while (seen.done < jobs && seen.at < Math.min(from.at, begun + 10_000 + warmMs) + capMs) {
    const left = ((jobs - seen.done) / Math.max(seen.done - from.done, 1)) * (seen.at - from.at);
    await pause(Math.max(2, Math.min(50, left / 2 || 0)));
    seen = await look();
    if (warmMs === 0) from = { at: seen.first, done: 0 };
  }
  if (seen.done >= jobs && settled) while (!(await contestant.drained(store.inspector))) await pause(3);
  const seconds = (now() - from.at) / 1_000;
  const after = await store.spent();
  const done = seen.done - from.done;
  if (done === 0) return { "jobs/s": 0 };
  return { "jobs/s": done / seconds, ...costs(before.spent, after, (await ownCpu()) - before.own, done) };
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
