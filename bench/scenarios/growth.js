import pg from "pg";
import { workerOptions } from "../harness/bench.js";
import { now, pause } from "../harness/clock.js";
import { costs, drain } from "../harness/drain.js";
import { quantile } from "../harness/statistics.js";

/** @typedef {import("../harness/bench.js").Bench} Bench */
/** @typedef {import("../harness/bench.js").Contestant} Contestant */
/** @typedef {import("../harness/drain.js").Report} Report */

const thousand = (/** @type {number} */ value) => value.toLocaleString("en");

/** Peers that take in fewer jobs a second than this would need hours for the backlog. */
const patienceSeconds = 400;

/**
 * @param {Bench} bench @param {Contestant} contestant @param {string} url @param {number} jobs
 * @returns {Promise<number>} how many jobs were enqueued before patience ended
 */
async function fillUp(bench, contestant, url, jobs) {
  const producer = await bench.producer(contestant, { url });
  const filled = await producer.call("fill", { count: jobs, ms: patienceSeconds * 1_000 });
  await producer.end();
  return filled;
}

/**
 * As many jobs come in as are run, so that the backlog stays as large as it is: what does its size cost?
 * @param {number} jobs
 * @returns {import("../harness/bench.js").Case}
 */
function backlog(jobs) {
  return {
    scenario: "growth",
    name: `in and out at a standing backlog of ${thousand(jobs)}`,
    primary: "jobs/s",
    better: "higher",
    quick: false,
    async measure(bench, contestant) {
      const store = await bench.store(contestant);
      const filled = await fillUp(bench, contestant, store.url, Math.min(jobs, bench.most));
      const producer = await bench.producer(contestant, { url: store.url });
      const worker = await bench.worker(contestant);
      await worker.call("openWorker", workerOptions({ url: store.url, concurrency: 100 }));
      let refilled = 0;
      const goOn = async (/** @type {number} */ ms) => {
        for (const end = now() + ms; now() < end; ) {
          const { done } = await worker.call("report");
          const count = Math.min(done - refilled, 10_000);
          if (count > 0) refilled += await producer.call("fill", { count, from: filled + refilled });
          if (count < 1_000) await pause(4); // else it is behind: a pause would measure itself
        }
        return { at: now(), done: (await worker.call("report")).done };
      };
      const cpu = async () => (await worker.call("cpu")) + (await producer.call("cpu"));
      const first = await goOn(1_500);
      const before = { spent: await store.spent(), cpu: await cpu() };
      const last = await goOn(5_000);
      const after = { spent: await store.spent(), cpu: await cpu() };
      const done = last.done - first.done;
      return {
        "jobs/s": done / ((last.at - first.at) / 1_000),
        ...(done > 0 ? costs(before.spent, after.spent, after.cpu - before.cpu, done) : {}),
        backlog: filled,
      };
    },
  };
}

/** @returns {import("../harness/bench.js").Case} */
function unreadable() {
  return {
    scenario: "growth",
    name: "running with 1,000,000 older jobs ahead that this worker cannot read",
    primary: "jobs/s",
    better: "higher",
    quick: false,
    // the others keep such jobs apart in a queue of their own, or have no way to leave them to another worker
    takesPart: ({ id }) => ["taskmaster", "graphile-worker", "pg-boss"].includes(id),
    async measure(bench, contestant) {
      const store = await bench.store(contestant);
      // the worker knows the first task only; the others' jobs are older
      const strangers = await bench.producer(contestant, { url: store.url, tasks: 2 });
      const ahead = Math.min(1_000_000, bench.most);
      await strangers.call("fill", { count: ahead, only: 1, ms: patienceSeconds * 1_000 });
      const jobs = 20_000;
      await strangers.call("fill", { count: jobs, only: 0 });
      await strangers.end();
      return drain(bench, contestant, store, {
        processes: 1,
        jobs,
        settled: false, // those ahead stay
        capMs: 8_000,
        worker: { concurrency: 100 },
      });
    },
  };
}

/** @returns {import("../harness/bench.js").Case} */
function heldTransaction() {
  const rate = 500;
  return {
    scenario: "growth",
    name: `wait at ${rate} jobs/s after 2 minutes of a transaction held open elsewhere`,
    primary: "wait p50 ms, last 10 s",
    better: "lower",
    quick: false,
    takesPart: ({ store }) => store === "postgres",
    async measure(bench, contestant) {
      const store = await bench.store(contestant);
      const worker = await bench.worker(contestant);
      const producer = await bench.producer(contestant, { url: store.url });
      await worker.call("openWorker", workerOptions({ url: store.url, concurrency: 100 }));
      const holder = new pg.Client(store.url);
      holder.on("error", () => {});
      await holder.connect();
      await holder.query("begin isolation level repeatable read");
      await holder.query("select count(*) from pg_class"); // takes the snapshot that keeps dead rows
      const ms = 120_000;
      const loading = producer.call("load", { rate, ms, stamped: true });
      await pause(1_000);
      await worker.call("report", { takeWaits: true });
      await pause(9_000);
      const early = await worker.call("report", { takeWaits: true });
      await pause(ms - 20_500);
      await worker.call("report", { takeWaits: true });
      await pause(10_000);
      const late = await worker.call("report", { takeWaits: true });
      await loading;
      await holder.end();
      const tell = (/** @type {string} */ when, /** @type {number[]} */ waits) => ({
        [`wait p50 ms, ${when} 10 s`]: quantile(waits, 0.5),
        [`wait p99 ms, ${when} 10 s`]: quantile(waits, 0.99),
      });
      return { ...tell("first", early.waits), ...tell("last", late.waits), "jobs/s": late.waits.length / 10 };
    },
  };
}

/** An hour of 100 jobs a second, as fast as they go in and out. @returns {import("../harness/bench.js").Case} */
function churn() {
  const jobs = 360_000;
  return {
    scenario: "growth",
    name: "an hour of 100 jobs/s, in and out at once",
    primary: "MB afterwards",
    better: "lower",
    quick: false,
    takesPart: ({ store }) => store === "postgres",
    async measure(bench, contestant) {
      const store = await bench.store(contestant);
      const worker = await bench.worker(contestant);
      const producer = await bench.producer(contestant, { url: store.url });
      await worker.call("openWorker", workerOptions({ url: store.url, concurrency: 100 }));
      const [{ bytes: empty = 0 } = {}] = await store.inspector.sql(
        "select pg_database_size(current_database())::float8 as bytes",
      );
      const begin = now();
      const capMs = Math.min(patienceSeconds * 1_000, (bench.most / 10_000_000) * patienceSeconds * 1_000);
      const rates = [];
      let done = 0;
      for (let from = 0; from < jobs && now() < begin + capMs; from += 10_000) {
        const at = now();
        await producer.call("fill", { count: 10_000, from });
        do {
          await pause(10);
          done = (await worker.call("report")).done;
        } while (done < from + 10_000 && now() < begin + capMs);
        rates.push(10_000 / ((now() - at) / 1_000));
      }
      const [row = {}] = await store.inspector.sql(
        `select pg_database_size(current_database())::float8 as bytes, sum(n_dead_tup)::float8 as dead,
          (select sum(pg_indexes_size(relid))::float8 from pg_stat_user_tables) as indexes from pg_stat_user_tables`,
      );
      const edge = Math.max(1, Math.floor(rates.length / 5));
      const mean = (/** @type {number[]} */ values) => values.reduce((sum, value) => sum + value, 0) / values.length;
      return {
        "MB afterwards": (Number(row.bytes) - Number(empty)) / 1e6,
        "B/job afterwards": (Number(row.bytes) - Number(empty)) / done,
        "index MB": Number(row.indexes) / 1e6,
        "dead rows": Number(row.dead),
        "jobs/s": (done / (now() - begin)) * 1_000,
        "last fifth / first fifth": mean(rates.slice(-edge)) / mean(rates.slice(0, edge)),
        jobs: done,
      };
    },
  };
}

export const growth = [backlog(1_000), backlog(100_000), backlog(10_000_000), unreadable(), heldTransaction(), churn()];
