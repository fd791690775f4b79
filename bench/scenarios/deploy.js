import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
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

/**
 * A gated deploy, which only Taskmaster has: the gate is closed by its command line while short jobs of 20 ms come in at 100 a second, stays
 * closed for a second, as a migration would take, and is opened. What the gate costs a job is that second and what comes on top.
 * @type {import("../harness/bench.js").Case}
 */
const gated = {
  scenario: "deploy",
  name: "a gate closed for 1 s, at 100 short jobs/s",
  primary: "settled to verdict ms",
  better: "lower",
  quick: false,
  takesPart: ({ id }) => id === "taskmaster",
  async measure(bench, contestant) {
    const store = await bench.store(contestant);
    const workers = [];
    for (let count = 0; count < processes; count++) {
      const worker = await bench.worker(contestant);
      const options = workerOptions({ url: store.url, concurrency: 10, holdMs: 20, shape: "short" });
      await worker.call("openWorker", options);
      workers.push(worker);
    }
    const producer = await bench.producer(contestant, { url: store.url, shape: "short" });
    const loading = producer.call("load", { rate, ms: 8_000, stamped: true });
    await pause(3_000);
    const prepared = JSON.parse(await taskmasterCli(["deploy", "prepare", "--json", "--database", store.url]));
    await pause(1_000);
    await taskmasterCli(["deploy", "abort", "--json", "--database", store.url]);
    await loading;
    await pause(1_000);
    const reports = await Promise.all(workers.map((worker) => worker.call("report", { takeWaits: true })));
    const waits = reports.flatMap((report) => report.waits);
    const [row] = await store.inspector.sql(`
      select (extract(epoch from safe_at - (select max(settled_at) from taskmaster.succeeded where settled_at <= safe_at)) * 1000)::float8 as verdict,
        (extract(epoch from ended_at - opened_at) * 1000)::float8 as closed,
        (select count(*)::int from taskmaster.deploy_ack) as acknowledged
      from taskmaster.deploy`);
    return {
      "settled to verdict ms": Number(row?.verdict),
      "close to verdict ms": prepared.waitedMs,
      "gate closed ms": Number(row?.closed),
      "wait max ms": Math.max(...waits),
      "wait p50 ms": quantile(waits, 0.5),
    };
  },
};

const cli = fileURLToPath(new URL("../node_modules/taskmaster/dist/cli/main.js", import.meta.url));

/** @param {string[]} args @returns {Promise<string>} what it answers */
async function taskmasterCli(args) {
  const { stdout } = await promisify(execFile)(process.execPath, [cli, ...args]);
  return stdout;
}

export const deploy = [
  rolling("rolling deploy of 4 workers at 100 jobs/s", false),
  rolling("the same with a breaking change of the payload", true),
  gated,
];
