import { costs } from "../harness/drain.js";

/** @typedef {{ jobs: number, seconds: number, cpuSeconds: number }} Enqueued */

/**
 * Enqueueing into an empty queue that nobody works on, by one producer process.
 * @param {string} name
 * @param {boolean} quick
 * @param {{ concurrency: number, batch?: number, within?: boolean }} options
 * @returns {import("../harness/bench.js").Case}
 */
function enqueueing(name, quick, { concurrency, batch = 1, within = false }) {
  return {
    scenario: "enqueue",
    name,
    primary: "jobs/s",
    better: "higher",
    quick,
    ...(within ? { takesPart: ({ store }) => store === "postgres" } : {}),
    async measure(bench, contestant) {
      const store = await bench.store(contestant);
      const producer = await bench.producer(contestant, { url: store.url });
      const how = { concurrency, batch, within };
      // a producer's first seconds are those of its compiler
      await producer.call("enqueueFor", { ms: bench.quick ? 1_000 : 2_000, ...how });
      const before = await store.spent();
      const ms = bench.quick ? 500 : 3_000;
      const { jobs, seconds, cpuSeconds } = await producer.call("enqueueFor", { ms, ...how });
      const after = await store.spent();
      return { "jobs/s": jobs / seconds, ...costs(before, after, cpuSeconds, jobs) };
    },
  };
}

export const enqueue = [
  enqueueing("one at a time, awaited", true, { concurrency: 1 }),
  enqueueing("10 concurrent calls", false, { concurrency: 10 }),
  enqueueing("100 concurrent calls", true, { concurrency: 100 }),
  enqueueing("batches of 1,000", true, { concurrency: 2, batch: 1_000 }),
  enqueueing("in a transaction of the caller, one at a time", false, { concurrency: 1, within: true }),
  enqueueing("in a transaction of the caller, 10 at once", false, { concurrency: 10, within: true }),
];
