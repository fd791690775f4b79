import PgBoss from "pg-boss";

const quiet = { supervise: false, schedule: false, migrate: false };
const name = (/** @type {number} */ task) => `noop${task}`;

/** @param {string} connectionString @param {object} [options] */
async function start(connectionString, options = {}) {
  const boss = new PgBoss({ connectionString, max: 10, ...options });
  boss.on("error", (error) => console.error(`pg-boss: ${error.message}`));
  await boss.start();
  return boss;
}

/** @type {import("../harness/contestant.js").Contestant} */
export const pgBoss = {
  id: "pg-boss",
  title: "pg-boss",
  package: "pg-boss",
  file: "pg-boss.js",
  store: "postgres",
  tuning:
    "work() in batches, which are its only concurrency: of 500 jobs where a full queue is emptied, run as many at once as the others do, else of the concurrency; pollingIntervalSeconds 0.5, the least allowed; notifyWorker() after each full batch, so that a full queue is not polled; insert() for batches",

  async prepare(connectionString) {
    const boss = await start(connectionString, { supervise: false, schedule: false });
    await boss.createQueue(name(0));
    await boss.stop({ graceful: false });
  },

  async produce({ url, tasks }) {
    const boss = await start(url, quiet);
    for (let task = 1; task < tasks; task++) await boss.createQueue(name(task));
    return {
      enqueue: async (payload, task) => {
        const id = await boss.send(name(task), payload);
        if (id === null) throw new Error("pg-boss took no job");
        return id;
      },
      enqueueMany: async (payloads, task) => {
        await boss.insert(payloads.map((data) => ({ name: name(task), data })));
      },
      enqueueWithin: async (client, payload) => {
        await boss.send(name(0), payload, { db: { executeSql: (text, values) => client.query(text, values) } });
      },
      close: () => boss.stop({ graceful: false }),
    };
  },

  async work({ url, tasks, concurrency, ahead, run }) {
    const boss = await start(url, quiet);
    for (let task = 1; task < tasks; task++) await boss.createQueue(name(task));
    const batchSize = Math.max(concurrency, ahead);
    for (let task = 0; task < tasks; task++) {
      const worker = await boss.work(
        name(task),
        { batchSize, pollingIntervalSeconds: 0.5 },
        async (/** @type {PgBoss.Job<import("../harness/contestant.js").Payload>[]} */ jobs) => {
          if (jobs.length === batchSize) setImmediate(() => boss.notifyWorker(worker));
          const waiting = jobs.values();
          const oneAfterTheOther = async () => {
            for (const { data } of waiting) await run(data);
          };
          await Promise.all(Array.from({ length: Math.min(concurrency, jobs.length) }, oneAfterTheOther));
        },
      );
    }
    return () => boss.stop({ graceful: true, wait: true });
  },

  async drained({ sql }) {
    const [row] = await sql("select exists (select from pgboss.job where state < 'completed') as left");
    return row?.left === false;
  },

  async settled({ sql }, id) {
    return (
      (await sql("select from pgboss.job where name = 'noop0' and id = $1 and state >= 'completed'", [id])).length === 1
    );
  },

  async failed({ sql }) {
    const [row] = await sql("select count(*)::int as n from pgboss.job where state = 'failed'");
    return Number(row?.n);
  },
};
