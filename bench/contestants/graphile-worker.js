import { Logger, makeWorkerUtils, run, runMigrations } from "graphile-worker";

const name = (/** @type {number} */ task) => `noop${task}`;
const logger = new Logger(() => () => {});

/** @type {import("../harness/contestant.js").Contestant} */
export const graphileWorker = {
  id: "graphile-worker",
  title: "graphile-worker",
  package: "graphile-worker",
  file: "graphile-worker.js",
  store: "postgres",
  tuning:
    "the settings of worker.graphile.org/docs/performance: localQueue.size 500, completeJobBatchDelay 0, failJobBatchDelay 0; maxPoolSize concurrency + 1, at most 25",

  prepare: (connectionString) => runMigrations({ connectionString, logger }),

  async produce({ url }) {
    const utils = await makeWorkerUtils({ connectionString: url, maxPoolSize: 10, logger });
    return {
      enqueue: async (payload, task) => (await utils.addJob(name(task), payload)).id,
      enqueueMany: async (payloads, task) => {
        await utils.addJobs(payloads.map((payload) => ({ identifier: name(task), payload })));
      },
      // its documentation: "add jobs from the database", in whatever transaction
      enqueueWithin: async (client, payload) => {
        await client.query("select graphile_worker.add_job('noop0', $1::json)", [JSON.stringify(payload)]);
      },
      close: async () => utils.release(),
    };
  },

  async work({ url, tasks, concurrency, run: job }) {
    const execute = async (/** @type {unknown} */ payload) =>
      job(/** @type {import("../harness/contestant.js").Payload} */ (payload));
    const taskList = Object.fromEntries(Array.from({ length: tasks }, (_, task) => [name(task), execute]));
    const runner = await run({
      preset: {
        worker: {
          connectionString: url,
          concurrentJobs: concurrency,
          maxPoolSize: Math.min(25, Math.max(3, concurrency + 1)),
          localQueue: { size: 500 },
          completeJobBatchDelay: 0,
          failJobBatchDelay: 0,
        },
      },
      taskList,
      logger,
      noHandleSignals: true,
    });
    return () => runner.stop();
  },

  async drained({ sql }) {
    const [row] = await sql(
      "select exists (select from graphile_worker._private_jobs where attempts < max_attempts) as left",
    );
    return row?.left === false;
  },

  async settled({ sql }, id) {
    return (await sql("select from graphile_worker._private_jobs where id = $1", [id])).length === 0;
  },

  async failed({ sql }) {
    const [row] = await sql(
      "select count(*)::int as n from graphile_worker._private_jobs where attempts >= max_attempts",
    );
    return Number(row?.n);
  },
};
