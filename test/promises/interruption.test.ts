import { once } from "node:events";
import { Taskmaster, task } from "taskmaster";
import { expect, test } from "vitest";
import { z } from "zod";
import { Project } from "../setup/command-line.ts";
import { testDatabase } from "../setup/database.ts";
import { until } from "../setup/until.ts";

/**
 * Interruptible tasks over 100,000 rows whose workers are killed with kill -9 at random, several of them at one time. TASKMASTER_KILLS says how often;
 * every row is handled exactly once in what the transactions write, and at least once elsewhere.
 */
const kills = Number(process.env.TASKMASTER_KILLS ?? 12);
/** Who kill, each its own workers. */
const killers = kills > 50 ? 4 : 3;
const parts = 4;
const rowsOfPart = 25_000;
const batch = kills > 50 ? 10 : 50;

/** The work goes on as the kills do, so that it is neither done before them nor long after: `pace` says which share of them has been. */
const tasks = `
import pg from "pg";
import { keyset, task } from "taskmaster";
import { z } from "zod";
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 4 });
pool.on("error", () => {});
const untilShare = async (client, share) => {
  while ((await client.query("select share from pace")).rows[0].share < share) await client.query("select pg_sleep(0.01)");
};
export const copy = task("copy").payload(z.object({ part: z.number() })).interruptible({ attempts: 1000, backoff: { first: 50 } }, async ({ part }, ctx) => {
  const { pages } = await ctx.step("plan", () => ({ pages: Array.from({ length: 500 }, (_, page) => page) }));
  const rows = keyset<{ id: number }>(pool, \`select id from source where part = \${part} and id > $1 order by id limit $2\`, { start: -1, key: ({ id }) => id });
  await ctx.each.tx("copy", rows, { batch: ${batch} }, async (tx, batch) => {
    const [{ id }] = batch;
    const isEven = Math.floor(id / ${batch}) % 2 === 0; // killed before what it writes, and after it
    if (isEven) await untilShare(tx, id / ${rowsOfPart} * 0.8);
    await tx.query("insert into ledger select $1, * from unnest($2::int[])", [part, batch.map(({ id }) => id)]);
    if (!isEven) await untilShare(tx, id / ${rowsOfPart} * 0.8);
  });
  for await (const page of ctx.each("touch", pages, { checkpoint: { items: 20, time: 50 } })) {
    await untilShare(pool, 0.8 + page / 500 * 0.2);
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
    create table pace (share float8);
    insert into pace values (0);
    insert into source select p, n from generate_series(1, ${parts}) p, generate_series(1, ${rowsOfPart}) n
  `);
  const project = new Project(url, { "tasks.ts": tasks });
  const start = () => {
    const child = project.start(["work", "--release", "r", "--concurrency", "2"]);
    child.stdout.resume();
    child.stderr.resume();
    return child;
  };
  const taskmaster = new Taskmaster({ database: url, release: "r" });
  await taskmaster.enqueueMany(
    task("copy").payload(z.object({ part: z.number() })),
    Array.from({ length: parts }, (_, part) => ({ part: part + 1 })),
  );
  await taskmaster.stop();
  const done = async () => (await sql.query("select from taskmaster.job")).rows.length === 0;
  const busyPids = async () =>
    (await sql.query("select pid from taskmaster.process where id in (select worker from taskmaster.job)")).rows;
  let killed = 0;
  const kill = async (workers: ReturnType<typeof start>[]) => {
    while (killed < kills) {
      const number = killed++;
      await until("a worker has a job", async () => (await busyPids()).length > 0 || (await done()));
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 700));
      const busy = new Set((await busyPids()).map(({ pid }) => pid));
      // Now and then one that has hardly begun: it dies while it registers, or right after its first claim.
      const victim = number % 8 === 7 ? workers.at(-1) : (workers.find(({ pid }) => busy.has(pid)) ?? workers[0]);
      if (victim === undefined) break;
      victim.kill("SIGKILL");
      if (victim.exitCode === null && victim.signalCode === null) await once(victim, "exit");
      workers.splice(workers.indexOf(victim), 1, start());
      await sql.query("update pace set share = least(1, share + $1::float8)", [1.001 / kills]);
    }
  };
  const crews = Array.from({ length: killers }, () => [start(), start()]);
  await Promise.all(crews.map(kill));
  const workers = crews.flat();
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
  expect((await sql.query("select from pace where share = 1")).rows).toHaveLength(1);
  expect(touched[0]?.again).toBeLessThanOrEqual(killed * 2 * 2 * 20); // two jobs of a worker, twice the items between two records
  expect(killed).toBe(kills);
  console.info(`${killed} kills in ${Math.round((performance.now() - begun) / 1_000)} s`);
  for (const worker of workers) worker.kill("SIGTERM");
  await Promise.all(workers.map((worker) => worker.exitCode ?? once(worker, "exit")));
});
