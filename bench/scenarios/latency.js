import { workerOptions } from "../harness/bench.js";
import { now, pause } from "../harness/clock.js";
import { percentiles, quantile } from "../harness/statistics.js";

/** @typedef {import("../harness/bench.js").Bench} Bench */
/** @typedef {import("../harness/bench.js").Contestant} Contestant */
/** @typedef {import("../harness/process.js").ContestantProcess} ContestantProcess */

const concurrency = 10;

/**
 * What a contestant can take in and run at once, roughly: a short burst in batches, drained while it is still coming in.
 * @param {Bench} bench @param {Contestant} contestant
 */
async function capacityOf(bench, contestant) {
  const store = await bench.store(contestant);
  const producer = await bench.producer(contestant, { url: store.url });
  const worker = await bench.worker(contestant);
  await worker.call("openWorker", workerOptions({ url: store.url, concurrency }));
  const ms = bench.quick ? 1_500 : 3_000;
  const begin = now();
  await producer.call("enqueueFor", { ms, concurrency: 1, batch: 100, within: false });
  const { done } = await worker.call("report");
  const rate = done / ((now() - begin) / 1_000);
  await worker.end();
  await producer.end();
  return rate;
}

/**
 * Single jobs, one after the other, from one process to another one: from just before the enqueue's call to the job's
 * start and to its settlement, while other jobs come in at a steady rate.
 * @param {string} name
 * @param {boolean} quick
 * @param {(bench: Bench, contestant: Contestant) => Promise<number>} rateOf
 * @returns {import("../harness/bench.js").Case}
 */
function latencyAt(name, quick, rateOf) {
  return {
    scenario: "latency",
    name,
    primary: "start p50 ms",
    better: "lower",
    quick,
    async measure(bench, contestant) {
      const rate = Math.floor(await rateOf(bench, contestant));
      const store = await bench.store(contestant);
      const worker = await bench.worker(contestant);
      const prober = await bench.producer(contestant, { url: store.url });
      await worker.call("openWorker", workerOptions({ url: store.url, concurrency }));
      await prober.call("probe", {
        ...(bench.quick ? { samples: 150, ms: 1_500 } : { samples: 500, ms: 8_000 }),
        gapMs: 5,
      });
      const { waits: first } = await worker.call("report", { takeWaits: true });
      // services run for hours: code is compiled as it gets hot, which takes some thousands of jobs one after the other
      if (!bench.quick) await prober.call("probe", { samples: 2_500, ms: 22_000, gapMs: 5 });
      await worker.call("report", { takeWaits: true });
      const ms = bench.quick ? 1_000 : 20_000;
      const other = rate > 0 ? await bench.producer(contestant, { url: store.url }) : undefined;
      const loading = other?.call("load", { rate, ms: ms + 1_500, stamped: false });
      if (loading !== undefined) await pause(500);
      const { settled, enqueued } = await prober.call("probe", { samples: bench.quick ? 150 : 1_200, ms, gapMs: 5 });
      await loading;
      const { waits } = await worker.call("report", { takeWaits: true });
      return {
        ...percentiles("start", waits),
        ...percentiles("settled", settled),
        ...percentiles("enqueue", enqueued),
        samples: settled.length,
        ...(bench.quick ? {} : { "start p99 ms, first 500 jobs": quantile(first, 0.99) }),
        ...(rate > 0 ? { "load jobs/s": rate } : {}),
      };
    },
  };
}

export const latency = [
  latencyAt("idle", true, async () => 0),
  latencyAt("while 200 other jobs a second pass", false, async () => 200),
  latencyAt(
    "at half of its own capacity",
    false,
    async (bench, contestant) => (await capacityOf(bench, contestant)) / 2,
  ),
];
