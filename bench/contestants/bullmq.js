import { Queue, Worker } from "bullmq";
import { redisVersion } from "../harness/redis.js";

const settings = { removeOnComplete: true };
const name = "noop";

/** @param {string} url */
function connectionOf(url) {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port), maxRetriesPerRequest: null };
}

/**
 * @param {"redis" | "redis-aof" | "redis-always"} store
 * @param {string} id
 * @param {string} title
 * @param {string} persistence
 * @returns {import("../harness/contestant.js").Contestant}
 */
function contestant(store, id, title, persistence) {
  return {
    id,
    title,
    package: "bullmq",
    file: "bullmq.js",
    store,
    tuning: `removeOnComplete, addBulk() for batches, one Worker with the concurrency per process; ${persistence}`,
    missing: async () => (redisVersion() === undefined ? "redis-server is not installed" : undefined),
    prepare: async () => {},

    async produce({ url }) {
      const queue = new Queue(name, { connection: connectionOf(url) });
      return {
        enqueue: async (payload, task) => {
          const { id } = await queue.add(`${name}${task}`, payload, settings);
          if (id === undefined) throw new Error("BullMQ took no job");
          return id;
        },
        enqueueMany: async (payloads, task) => {
          await queue.addBulk(payloads.map((data) => ({ name: `${name}${task}`, data, opts: settings })));
        },
        close: () => queue.close(),
      };
    },

    async work({ url, concurrency, run }) {
      const worker = new Worker(name, async ({ data }) => run(data), { connection: connectionOf(url), concurrency });
      worker.on("error", (error) => console.error(`BullMQ: ${error.message}`));
      await worker.waitUntilReady();
      return () => worker.close();
    },

    async drained({ redis }) {
      for (const list of ["wait", "active"]) if (Number(await redis("llen", `bull:${name}:${list}`)) > 0) return false;
      return Number(await redis("zcard", `bull:${name}:delayed`)) === 0;
    },

    settled: async ({ redis }, id) => Number(await redis("exists", `bull:${name}:${id}`)) === 0,

    failed: async ({ redis }) => Number(await redis("zcard", `bull:${name}:failed`)),
  };
}

export const bullmq = contestant(
  "redis",
  "bullmq",
  "BullMQ, in memory",
  "Redis without persistence: a crash loses the queue",
);
export const bullmqAof = contestant(
  "redis-aof",
  "bullmq-aof",
  "BullMQ, append-only",
  "Redis with appendonly and its default appendfsync everysec, as BullMQ's documentation recommends: a crash loses a second",
);
export const bullmqAlways = contestant(
  "redis-always",
  "bullmq-always",
  "BullMQ, fsync always",
  "Redis with appendonly and appendfsync always: as durable as a Postgres commit",
);
