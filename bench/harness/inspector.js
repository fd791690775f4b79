import { Redis } from "ioredis";
import pg from "pg";

/**
 * A connection that looks into a store.
 * @param {string} url
 * @returns {Promise<import("./contestant.js").Inspector & { close(): Promise<void> }>}
 */
export async function openInspector(url) {
  if (url.startsWith("redis:")) {
    const redis = new Redis(url, { maxRetriesPerRequest: null });
    return {
      sql: () => Promise.reject(new Error("This store is a Redis.")),
      redis: (command = "ping", ...values) => redis.call(command, ...values),
      close: async () => {
        redis.disconnect();
      },
    };
  }
  const client = new pg.Client(url);
  client.on("error", () => {});
  await client.connect();
  /** @type {Map<string, string>} */
  const names = new Map();
  const nameOf = (/** @type {string} */ text) => {
    const name = names.get(text) ?? `look${names.size}`;
    names.set(text, name);
    return name;
  };
  return {
    // prepared, so that looking costs as little as possible
    sql: async (text, values = []) => (await client.query({ name: nameOf(text), text, values })).rows,
    redis: () => Promise.reject(new Error("This store is a Postgres.")),
    close: () => client.end(),
  };
}
