import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { payloadOf } from "../harness/contestant.js";

/**
 * What this Postgres can do at all: statements of the shape of Taskmaster's, on its tables, sent by pgbench, whose own
 * work is next to nothing.
 */
const payload = JSON.stringify(payloadOf(0)).replaceAll(":", ": "); // pgbench takes :name for a variable

/** @param {number} batch */
const insert = (batch) => `insert into taskmaster.job (id, lane, run_at, enqueued_at, payload)
select nextval('floor_id'), 1, clock_timestamp(), clock_timestamp(), '${payload}'::json from generate_series(1, ${batch});\n`;

/** On a connection of the caller's, where nothing is prepared: by the function whose plan is kept there. */
const insertWithin = `begin;\nselect taskmaster.enqueue_one(nextval('floor_id'), 1, null, '${payload}', null, null);\ncommit;\n`;

/** @param {number} batch */
const claimAndSettle = (batch) => `with head as materialized (
  select ctid as at from taskmaster.job
  where lane = 1 and worker is null and run_at >= '-infinity' and run_at <= now()
  order by run_at, id limit ${batch} for update skip locked
), claimed as (
  update taskmaster.job set worker = 1, deliveries = deliveries + 1, started_at = now()
  from head where job.ctid = head.at
  returning id, payload
) select coalesce(string_agg(id::text, ','), '') as ids, count(payload) as n from claimed \\gset
with gone as (
  delete from taskmaster.job where id = any('{:ids}'::bigint[]) and worker = 1 returning id, lane, failures
) insert into taskmaster.succeeded (process, jobs, lanes, failures, waited_ms, ran_ms)
select 1, array_agg(id), array_agg(lane), array_agg(failures), array_agg(0), array_agg(0) from gone having count(*) > 0;\n`;

/**
 * @param {string} name
 * @param {boolean} quick
 * @param {{ script: string, batch: number, clients: number, full?: number, mode?: "prepared" | "extended" | "simple" }} options how pgbench sends
 * its statements: `extended` plans each of them anew. Default `prepared`, `simple` from a full queue
 * @returns {import("../harness/bench.js").Case}
 */
function floor(name, quick, { script, batch, clients, full = 0, mode = full > 0 ? "simple" : "prepared" }) {
  return {
    scenario: "floor",
    name,
    primary: "jobs/s",
    better: "higher",
    quick,
    takesPart: ({ id }) => id === "taskmaster",
    async measure(bench, contestant) {
      const store = await bench.store(contestant);
      await store.inspector.sql("create sequence floor_id cache 1000");
      if (full > 0) {
        await store.inspector.sql(insert(full));
        await store.inspector.sql("analyze taskmaster.job");
      }
      const folder = mkdtempSync(join(tmpdir(), "taskmaster-bench-floor-"));
      bench.afterwards(async () => rmSync(folder, { recursive: true, force: true }));
      const file = join(folder, "script.sql");
      writeFileSync(file, script);
      const seconds = bench.quick ? 1 : 3;
      // from a full queue: as many transactions as empty it, so that none of them finds nothing
      const until = full > 0 ? ["-t", String(Math.floor(full / batch / clients))] : ["-T", String(seconds)];
      const before = await store.spent();
      const args = [
        "-n",
        "-c",
        String(clients),
        "-j",
        String(Math.min(2, clients)),
        "-M",
        mode,
        ...until,
        "-f",
        file,
        store.url,
      ];
      const { stdout } = await promisify(execFile)("pgbench", args);
      const after = await store.spent();
      const tps = Number(/tps = ([\d.]+)/.exec(stdout)?.[1]);
      const transactions = Number(/actually processed: (\d+)/.exec(stdout)?.[1]);
      const jobs = transactions * batch;
      return {
        "jobs/s": tps * batch,
        ...(before.cpu !== undefined && after.cpu !== undefined
          ? { "server CPU µs/job": ((after.cpu - before.cpu) / jobs) * 1e6 }
          : {}),
        ...(before.wal !== undefined && after.wal !== undefined
          ? { "WAL B/job": (after.wal - before.wal) / jobs }
          : {}),
      };
    },
  };
}

/** Named like the case of Taskmaster's that is a share of it. */
export const floors = [
  floor("enqueue: one at a time, awaited", true, { script: insert(1), batch: 1, clients: 1 }),
  floor("enqueue: 10 concurrent calls", false, { script: insert(1), batch: 1, clients: 10 }),
  floor("enqueue: 100 concurrent calls", true, { script: insert(1), batch: 1, clients: 50 }),
  floor("enqueue: batches of 1,000", true, { script: insert(1_000), batch: 1_000, clients: 2 }),
  floor("enqueue: in a transaction of the caller, one at a time", false, {
    script: insertWithin,
    batch: 1,
    clients: 1,
    mode: "extended",
  }),
  floor("enqueue: in a transaction of the caller, 10 at once", false, {
    script: insertWithin,
    batch: 1,
    clients: 10,
    mode: "extended",
  }),
  floor("run: 1 process, concurrency 1", false, { script: claimAndSettle(1), batch: 1, clients: 1, full: 2_000 }),
  floor("run: 1 process, concurrency 10", false, { script: claimAndSettle(10), batch: 10, clients: 1, full: 20_000 }),
  floor("run: 1 process, concurrency 100", true, { script: claimAndSettle(100), batch: 100, clients: 1, full: 60_000 }),
  floor("run: 4 processes, concurrency 10", false, {
    script: claimAndSettle(100),
    batch: 100,
    clients: 4,
    full: 100_000,
  }),
];
