// What a claim costs with a million jobs ahead that its worker cannot read: EXPLAIN (ANALYZE) of the very statement, and its timing, from an
// empty queue and from one with the million. Run it with `npm run claim-plan --prefix bench`; DATABASE_URL names the server, of a role that
// may create databases.
import { randomBytes } from "node:crypto";
import pg from "pg";
import { Taskmaster, task } from "taskmaster";
import { z } from "zod";
import { claimJobs } from "../dist/engine/claim.js";
import { Database } from "../dist/engine/database.js";
import { quantile } from "./harness/statistics.js";

const server = process.env.DATABASE_URL ?? "postgres://postgres@127.0.0.1:5432/postgres";
const name = `taskmaster_plan_${randomBytes(4).toString("hex")}`;
const admin = new pg.Client(server);
await admin.connect();
await admin.query(`create database ${name}`);
const url = Object.assign(new URL(server), { pathname: `/${name}` }).href;
const sql = new pg.Client(url);
const mine = task("mine").payload(z.object({ n: z.number() }));
const theirs = task("theirs").payload(z.object({ n: z.number() }));
const producer = new Taskmaster({ database: url, tasks: [mine, theirs], release: "bench" });
const database = new Database({ url });

try {
  await producer.start();
  await sql.connect();
  const { rows } = await sql.query(
    "insert into taskmaster.process (role, release, host, pid, version, lease_until) values ('worker', 1, 'bench', 0, 'bench', now() + interval '1 hour') returning id",
  );
  const process = rows[0].id;
  /** @param {typeof mine} which @param {number} count */
  const enqueue = (which, count) =>
    producer.enqueueMany(
      which,
      Array.from({ length: count }, (_, n) => ({ n })),
    );
  let batch = 0;

  /** @param {string} what */
  const time = async (what) => {
    await enqueue(mine, 20_000);
    const { rows: lanes } = await sql.query("select id from taskmaster.lane where task = 'mine'");
    const lane = lanes[0].id;
    // as autovacuum would have done
    await sql.query("vacuum analyze taskmaster.job");
    /** @type {number[]} */
    const took = [];
    for (let round = 0; round < 100; round++) {
      const startedAt = performance.now();
      const jobs = await claimJobs(database, { process, batch: ++batch, lanes: [{ lane, quota: 100 }], starting: 0 });
      took.push(performance.now() - startedAt);
      // what is claimed ends at once, so that every claim finds the same queue
      await sql.query("delete from taskmaster.job where id = any($1)", [jobs.map(({ id }) => id)]);
    }
    const ms = (/** @type {number} */ share) => quantile(took, share).toFixed(2);
    console.log(`${what}: a claim of 100 takes ${ms(0.5)} ms (median), ${ms(0.95)} ms (95th percentile)`);
    return lane;
  };

  await time("empty queue");
  console.log("enqueueing 1,000,000 jobs that this worker cannot read …");
  for (let round = 0; round < 10; round++) await enqueue(theirs, 100_000);
  const lane = await time("1,000,000 unreadable jobs ahead");

  await sql.query(
    "set enable_seqscan = off; set enable_bitmapscan = off; set jit = off; set plan_cache_mode = force_generic_plan",
  );
  /** The statement and its values, as a worker sends them. @param {{ text: string }} statement @param {unknown[]} values */
  const query = async ({ text }, values) => {
    await sql.query(`prepare claim as ${text}`);
    const written = values.map((value) => (Array.isArray(value) ? `'{${value.join(",")}}'` : String(value)));
    const { rows: plan } = await sql.query(
      `explain (analyze, buffers, costs off) execute claim(${written.join(", ")})`,
    );
    console.log(`\n${plan.map((row) => row["QUERY PLAN"]).join("\n")}`);
    return [];
  };
  /** @type {Database} */
  const explaining = Object.assign(Object.create(database), { query });
  await claimJobs(explaining, { process, batch: ++batch, lanes: [{ lane, quota: 100 }], starting: 0 });
} finally {
  await database.end();
  await producer.stop();
  await sql.end();
  await admin.query(`drop database if exists ${name} with (force)`);
  await admin.end();
}
