import { workerOptions } from "../harness/bench.js";
import { pause } from "../harness/clock.js";
import { quantile } from "../harness/statistics.js";

const rate = 100;

/**
 * An ordinary day: workers that could do far more, and jobs of 20 ms one by one. What a job costs all processes together, the database among
 * them, and how long it waits. Each worker that is told of a job and does not get it costs something.
 * @param {number} processes
 * @returns {import("../harness/bench.js").Case}
 */
function steady(processes) {
  return {
    scenario: "steady",
    name: processes === 1 ? "1 worker" : `${processes} workers`,
    primary: "CPU ms/job",
    better: "lower",
    quick: false,
    async measure(bench, contestant) {
      const store = await bench.store(contestant);
      const workers = [];
      for (let count = 0; count < processes; count++) {
        const worker = await bench.worker(contestant);
        await worker.call("openWorker", workerOptions({ url: store.url, concurrency: 10, holdMs: 20 }));
        workers.push(worker);
      }
      const producer = await bench.producer(contestant, { url: store.url });
      const takeWaits = async () =>
        (await Promise.all(workers.map((worker) => worker.call("report", { takeWaits: true })))).flatMap(
          ({ waits }) => waits,
        );
      /** Seconds, of all there are. */
      const spent = async () => {
        const own = await Promise.all(workers.map((worker) => worker.call("cpu")));
        const { cpu: server = Number.NaN } = await store.spent();
        return { workers: own.reduce((sum, one) => sum + one, 0), producer: await producer.call("cpu"), server };
      };
      await producer.call("load", { rate, ms: 8_000, stamped: true });
      await takeWaits();
      const before = await spent();
      const { jobs } = await producer.call("load", { rate, ms: 10_000, stamped: true, from: 1_000_000 });
      const after = await spent();
      await pause(500);
      const waits = await takeWaits();
      const each = (/** @type {keyof typeof before} */ part) => ((after[part] - before[part]) / jobs) * 1_000;
      return {
        "CPU ms/job": each("workers") + each("producer") + each("server"),
        "workers' CPU ms/job": each("workers"),
        "producer's CPU ms/job": each("producer"),
        "server's CPU ms/job": each("server"),
        "wait p50 ms": quantile(waits, 0.5),
        "wait p99 ms": quantile(waits, 0.99),
      };
    },
  };
}

export const steadies = [steady(1), steady(4), steady(12)];
