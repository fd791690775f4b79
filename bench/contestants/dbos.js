import { DBOS, DBOSClient } from "@dbos-inc/dbos-sdk";
import pg from "pg";
import { resultOf } from "../harness/contestant.js";

const queueName = "bench";
const name = (/** @type {number} */ task) => `noop${task}`;

/** The errors of jobs are counted elsewhere; it would print each with its stack. */
const quiet = { info() {}, debug() {}, warn() {}, error() {} };
/** A workflow can be registered once in a process. */
const registered = new Set();
/** @type {import("../harness/contestant.js").WorkerOptions["run"]} */
let job = () => {};
let stepsOfEach = 0;
let first = () => {};

/** @param {number} tasks */
function register(tasks) {
  for (let task = 0; task < tasks; task++) {
    if (registered.has(task)) continue;
    registered.add(task);
    DBOS.registerWorkflow(
      async (/** @type {import("../harness/contestant.js").Payload} */ payload) => {
        if (stepsOfEach > 0) first();
        for (let step = 0; step < stepsOfEach; step++)
          await DBOS.runStep(async () => resultOf(step), { name: `step ${step}` });
        await job(payload);
      },
      { name: name(task) },
    );
  }
}

/** @param {string} systemDatabaseUrl */
function configure(systemDatabaseUrl) {
  DBOS.setConfig({
    name: "bench",
    systemDatabaseUrl,
    applicationVersion: "1",
    executorID: String(process.pid),
    logger: quiet,
    systemDatabasePoolSize: 20,
  });
}

/** @type {import("../harness/contestant.js").Contestant} */
export const dbos = {
  id: "dbos",
  title: "DBOS",
  package: "@dbos-inc/dbos-sdk",
  file: "dbos.js",
  store: "postgres",
  keepsSteps: true,
  tuning:
    "one queue with workerConcurrency, minPollingIntervalMs 10 (default 1000), systemDatabasePoolSize 20; it has no call for a batch, so batches are enqueueInTransaction() in one transaction",

  async prepare(url) {
    configure(url);
    register(1);
    await DBOS.launch();
    await DBOS.registerQueue(queueName, { minPollingIntervalMs: 10, onConflict: "always_update" });
    await DBOS.shutdown();
  },

  async produce({ url }) {
    const client = await DBOSClient.create({
      systemDatabaseUrl: url,
      systemDatabasePoolSize: 20,
      applicationName: "bench",
    });
    const pool = new pg.Pool({ connectionString: url, max: 2 });
    const options = (/** @type {number} */ task) => ({ queueName, workflowName: name(task) });
    return {
      enqueue: async (payload, task) => (await client.enqueue(options(task), payload)).workflowID,
      enqueueMany: async (payloads, task) => {
        const transaction = await pool.connect();
        await transaction.query("begin");
        for (const payload of payloads) await client.enqueueInTransaction(transaction, options(task), payload);
        await transaction.query("commit");
        transaction.release();
      },
      enqueueWithin: async (transaction, payload) => {
        await client.enqueueInTransaction(transaction, options(0), payload);
      },
      close: async () => {
        await client.destroy();
        await pool.end();
      },
    };
  },

  async work({ url, tasks, concurrency, steps, begun, run }) {
    configure(url);
    job = run;
    stepsOfEach = steps;
    first = begun;
    register(tasks);
    // before the launch, which begins to work: what `prepare` registered has no limit
    const client = await DBOSClient.create({ systemDatabaseUrl: url });
    await client.registerQueue(queueName, {
      workerConcurrency: concurrency,
      minPollingIntervalMs: 10,
      onConflict: "always_update",
    });
    await client.destroy();
    await DBOS.launch();
    return () => DBOS.shutdown();
  },

  async drained({ sql }) {
    const [row] = await sql(
      "select exists (select from dbos.workflow_status where status in ('ENQUEUED', 'PENDING', 'DELAYED')) as left",
    );
    return row?.left === false;
  },

  async settled({ sql }, id) {
    return (
      (await sql("select from dbos.workflow_status where workflow_uuid = $1 and status in ('SUCCESS', 'ERROR')", [id]))
        .length === 1
    );
  },

  async failed({ sql }) {
    const [row] = await sql(
      "select count(*)::int as n from dbos.workflow_status where status in ('ERROR', 'MAX_RECOVERY_ATTEMPTS_EXCEEDED')",
    );
    return Number(row?.n);
  },
};
