import { once } from "node:events";
import { expect, test } from "vitest";
import { Project } from "../setup/command-line.ts";
import { testDatabase } from "../setup/database.ts";
import { until } from "../setup/until.ts";

/**
 * Interruptible tasks over 100,000 rows whose workers are killed with kill -9 at random. TASKMASTER_KILLS says how often; every row is handled
 * exactly once in what the transactions write, and at least once elsewhere.
 */
const kills = Number(process.env.TASKMASTER_KILLS ?? 12);
const parts = 4;
const rowsOfPart = 25_000;
/** Batches of rows take their time where there are many kills, so that the rows last for all of them: about a second each. */
const batchSeconds = kills > 50 ? kills / 4_000 : 0;

const tasks = `
import pg from "pg";
import { keyset, task } from "taskmaster";
import { z } from "zod";
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 4 });
pool.on("error", () => {});
export const copy = task("copy").payload(z.object({ part: z.number() })).interruptible({ attempts: 1000, backoff: { first: 50 } }, async ({ part }, ctx) => {
  const { pages } = await ctx.step("plan", () => ({ pages: Array.from({ length: 500 }, (_, page) => page) }));
  const rows = keyset<{ id: number }>(pool, \`select id from source where part = \${part} and id > $1 order by id limit $2\`, { start: -1, key: ({ id }) => id });
  await ctx.each.tx("copy", rows, { batch: 10 }, async (tx, batch) => {
    await tx.query("insert into ledger select $1, * from unnest($2::int[])", [part, batch.map(({ id }) => id)]);
    if (${batchSeconds} > 0) await tx.query("select pg_sleep(${batchSeconds})");
  });
  for await (const page of ctx.each("touch", pages, { checkpoint: { items: 20, time: 50 } })) {
    await pool.query("insert into touched values ($1, $2, 1) on conflict (part, page) do update set times = touched.times + 1", [part, page]);
    ctx.progress(page / pages.length, "touch");
  }
  await ctx.step.tx("total", async (tx) => { await tx.query("insert into totals select part, count(*) from ledger where part = $1 group by part", [part]); });
});
`;

/** For whoever has to find out why a job was not continued. */
async function whatIsLeft(sql: { query(text: string): Promise<{ rows: unknown[] }> }): Promise<unknown[][]> {
  const tables = [
    "select now(), * from taskmaster.job",
    "select * from taskmaster.claim",
    "select * from taskmaster.process where died_at is null and stopped_at is null",
    "select * from taskmaster.failure order by job_id desc, delivery desc limit 20",
    "select pid, application_name, state, wait_event_type, wait_event, pg_blocking_pids(pid), left(query, 80) from pg_stat_activity where datname = current_database()",
  ];
  return Promise.all(tables.map(async (text) => (await sql.query(text)).rows));
}

test(`${kills} workers killed at random over ${parts * rowsOfPart} rows: every row exactly once`, {
  timeout: 60_000 + kills * 6_000,
}, async () => {
  const begun = performance.now();
  const { url, sql } = await testDatabase();
  await sql.query(`
    create table source (part int, id int, primary key (part, id));
    create table ledger (part int, id int);
    create table touched (part int, page int, times int, primary key (part, page));
    create table totals (part int, rows int);
    insert into source select p, n from generate_series(1, ${parts}) p, generate_series(1, ${rowsOfPart}) n
  `);
  const project = new Project(url, { "tasks.ts": tasks });
  const start = () => {
    const child = project.start(["work", "--release", "r", "--concurrency", "2"]);
    child.stdout.resume();
    child.stderr.resume();
    return child;
  };
  for (let part = 1; part <= parts; part++) await project.call(["enqueue", "copy", JSON.stringify({ part })]);
  const done = async () => (await sql.query("select from taskmaster.job")).rows.length === 0;
  const busy = async () => (await sql.query("select from taskmaster.job where worker is not null")).rows.length > 0;
  const workers = [start(), start(), start()];
  let killed = 0;
  for (; killed < kills && !(await done()); killed++) {
    await until("a worker has a job", async () => (await busy()) || (await done()));
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 700));
    const { rows } = await sql.query(
      "select pid from taskmaster.process where id in (select worker from taskmaster.job) order by random() limit 1",
    );
    // Now and then one that has hardly begun: it dies while it registers, or right after its first claim.
    const victim = killed % 8 === 7 ? workers.at(-1) : (workers.find(({ pid }) => pid === rows[0]?.pid) ?? workers[0]);
    if (victim === undefined) break;
    victim.kill("SIGKILL");
    if (victim.exitCode === null && victim.signalCode === null) await once(victim, "exit");
    workers.splice(workers.indexOf(victim), 1, start());
  }
  await until("all jobs have ended", done, { forMs: 60_000 + kills * 3_000 }).catch(async (error: unknown) => {
    console.error("What is left:", JSON.stringify(await whatIsLeft(sql), null, 1));
    throw error;
  });
  expect((await sql.query("select state, reason, detail from taskmaster.parked")).rows).toEqual([]);
  const counted = await sql.query(
    "select part, count(*)::int as rows, count(distinct id)::int as different from ledger group by part order by part",
  );
  expect(counted.rows).toEqual(
    Array.from({ length: parts }, (_, part) => ({ part: part + 1, rows: rowsOfPart, different: rowsOfPart })),
  );
  expect((await sql.query("select part, rows from totals order by part")).rows).toEqual(
    Array.from({ length: parts }, (_, part) => ({ part: part + 1, rows: rowsOfPart })),
  );
  const { rows: touched } = await sql.query("select count(*)::int as pages, sum(times - 1)::int as again from touched");
  expect(touched[0]?.pages).toBe(parts * 500);
  expect(touched[0]?.again).toBeLessThanOrEqual(killed * 2 * 2 * 20); // two jobs of a worker, twice the items between two records
  expect(killed).toBe(kills);
  console.info(`${killed} kills in ${Math.round((performance.now() - begun) / 1_000)} s`);
  for (const worker of workers) worker.kill("SIGTERM");
  await Promise.all(workers.map((worker) => worker.exitCode ?? once(worker, "exit")));
});
