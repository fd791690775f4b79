import { existsSync, readFileSync } from "node:fs";
import { Absurd } from "absurd-sdk";
import pg from "pg";
import { resultOf } from "../harness/contestant.js";

const queueName = "bench";
const log = { log() {}, info() {}, warn() {}, error: console.error };
const name = (/** @type {number} */ task) => `noop${task}`;
/** Its schema is not in its npm package: `uvx absurdctl schema`, or sql/absurd.sql of its repository at the same version. */
const schema = process.env.ABSURD_SQL;

/** @param {string} url @param {number} max */
function open(url, max) {
  const pool = new pg.Pool({ connectionString: url, max });
  pool.on("error", () => {});
  return { pool, absurd: new Absurd({ db: pool, queueName, log }) };
}

/** @type {import("../harness/contestant.js").Contestant} */
export const absurd = {
  id: "absurd",
  title: "absurd",
  package: "absurd-sdk",
  file: "absurd.js",
  store: "postgres",
  keepsSteps: true,
  tuning:
    "concurrency and batchSize alike, pollInterval 0.01 s (default 0.25), a pool of 10 to 25 connections; it has no call for a batch, so batches are spawn() on one connection in one transaction",

  async missing() {
    if (schema === undefined)
      return "its schema is not part of its npm package: set ABSURD_SQL to the sql/absurd.sql of its release (github.com/earendil-works/absurd)";
    return existsSync(schema) ? undefined : `ABSURD_SQL names ${schema}, which does not exist`;
  },

  async prepare(url) {
    const { pool, absurd } = open(url, 1);
    await pool.query(readFileSync(schema ?? "", "utf8"));
    await absurd.createQueue();
    await pool.end();
  },

  async produce({ url }) {
    const { pool, absurd } = open(url, 10);
    const options = { queue: queueName };
    return {
      enqueue: async (payload, task) => (await absurd.spawn(name(task), payload, options)).taskID,
      enqueueMany: async (payloads, task) => {
        const client = await pool.connect();
        const bound = absurd.bindToConnection(client);
        await client.query("begin");
        for (const payload of payloads) await bound.spawn(name(task), payload, options);
        await client.query("commit");
        client.release();
      },
      enqueueWithin: async (client, payload) => {
        await absurd.bindToConnection(client).spawn(name(0), payload, options);
      },
      close: () => pool.end(),
    };
  },

  async work({ url, tasks, concurrency, steps, begun, run }) {
    const { pool, absurd } = open(url, Math.min(25, Math.max(10, concurrency)));
    for (let task = 0; task < tasks; task++)
      absurd.registerTask(
        { name: name(task) },
        async (/** @type {import("../harness/contestant.js").Payload} */ payload, ctx) => {
          if (steps > 0) begun();
          for (let step = 0; step < steps; step++) await ctx.step(`step ${step}`, async () => resultOf(step));
          await run(payload);
        },
      );
    const worker = await absurd.startWorker({ concurrency, pollInterval: 0.01, workerId: String(process.pid) });
    return async () => {
      await worker.close();
      await pool.end();
    };
  },

  async drained({ sql }) {
    const [row] = await sql(
      "select exists (select from absurd.t_bench where state in ('pending', 'running', 'sleeping')) as left",
    );
    return row?.left === false;
  },

  async settled({ sql }, id) {
    return (
      (
        await sql("select from absurd.t_bench where task_id = $1 and state in ('completed', 'failed', 'cancelled')", [
          id,
        ])
      ).length === 1
    );
  },

  async failed({ sql }) {
    const [row] = await sql("select count(*)::int as n from absurd.t_bench where state = 'failed'");
    return Number(row?.n);
  },
};
