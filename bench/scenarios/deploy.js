import { workerOptions } from "../harness/bench.js";
import { pause } from "../harness/clock.js";
import { quantile } from "../harness/statistics.js";

/** @typedef {import("../harness/drain.js").Report} Report */

const processes = 4;
const rate = 100;

/**
 * A rolling deploy under load: 4 workers, replaced one after the other by orderly stops, while jobs of 20 ms come in at
 * 100 a second. `breaking`: the new release renames a field of the payload, and the producers are deployed first. Its
 * workers still read the old payloads (by hand for those who know no revisions); the old ones cannot read the new.
 * @param {string} name
 * @param {boolean} breaking
 * @returns {import("../harness/bench.js").Case}
 */
function rolling(name, breaking) {
  return {
    scenario: "deploy",
    name,
    primary: breaking ? "failed attempts" : "wait p99 ms",
    better: "lower",
    quick: false,
    async measure(bench, contestant) {
      const store = await bench.store(contestant);
      const options = (/** @type {"old" | "new"} */ release) =>
        workerOptions({
          url: store.url,
          concurrency: 10,
          holdMs: 20,
          release,
          revisions: breaking && release === "new" ? 2 : 1,
        });
      const start = async (/** @type {"old" | "new"} */ release) => {
        const worker = await bench.worker(contestant);
        await worker.call("openWorker", options(release));
        return worker;
      };
      const old = await Promise.all(Array.from({ length: processes }, () => start("old")));
      const producer = await bench.producer(contestant, { url: store.url });
      const newer = await bench.producer(contestant, { url: store.url, revision: breaking ? 2 : 1 });
      const read = async (/** @type {typeof old} */ workers) =>
        await Promise.all(workers.map((worker) => worker.call("report", { takeWaits: true })));
      const beforeMs = 4_000;
      await producer.call("load", { rate, ms: beforeMs, stamped: true });
      await pause(1_000);
      const calm = (await read(old)).flatMap(({ waits }) => waits);

      const deployMs = 10_000;
      const loading = newer.call("load", { rate, ms: deployMs, stamped: true, newShape: breaking, from: 1_000_000 });
      await pause(1_000);
      const fresh = [];
      const reports = [];
      for (const worker of old) {
        await worker.call("closeWorker");
        reports.push(...(await read([worker])));
        await worker.end();
        fresh.push(await start("new"));
        await pause(1_000);
      }
      const { jobs: expected } = await loading;
      await pause(breaking ? 8_000 : 2_000);
      reports.push(...(await read(fresh)));
      const waits = reports.flatMap((report) => report.waits);
      const mean = (/** @type {number[]} */ values) => values.reduce((sum, value) => sum + value, 0) / values.length;
      const failedAttempts = reports.reduce((sum, { failures }) => sum + failures, 0);
      const done = reports.reduce((sum, report) => sum + report.done, 0) - calm.length;
      return {
        "wait p99 ms": quantile(waits, 0.99),
        "wait p99 ms before": quantile(calm, 0.99),
        "added wait mean ms": mean(waits) - mean(calm),
        "wait max ms": Math.max(...waits),
        "failed attempts": failedAttempts,
        "failed for good": await contestant.failed(store.inspector),
        "not run 8 s after": Math.max(0, expected - done),
      };
    },
  };
}

export const deploy = [
  rolling("rolling deploy of 4 workers at 100 jobs/s", false),
  rolling("the same with a breaking change of the payload", true),
];
