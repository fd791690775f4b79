import { openInspector } from "./inspector.js";
import { ContestantProcess } from "./process.js";
import { RedisServer, redisVersion } from "./redis.js";

/**
 * @typedef {import("./contestant.js").Contestant} Contestant
 *
 * @typedef {object} Case one row of a table
 * @property {string} scenario
 * @property {string} name
 * @property {string} primary which of its figures the ratio is made of
 * @property {"higher" | "lower"} better
 * @property {boolean} quick whether it belongs to the small set
 * @property {(contestant: Contestant) => boolean} [takesPart] default: everyone
 * @property {(bench: Bench, contestant: Contestant) => Promise<Figures>} measure one round of one contestant, from an empty store
 *
 * @typedef {Record<string, number>} Figures by name with unit, such as `jobs/s`
 *
 * @typedef {object} Store an empty store of one contestant, thrown away afterwards
 * @property {string} url
 * @property {import("./contestant.js").Inspector} inspector
 * @property {() => Promise<{ wal: number | undefined, cpu: number | undefined }>} spent
 * @property {string} database its name, where it is a Postgres
 */

/** What scenarios measure with: stores and processes, all of which end with the measurement. */
export class Bench {
  /** @type {import("./postgres.js").PostgresServer} */ postgres;
  /** @type {boolean} */ quick;
  /** @type {number} the largest backlog of the growth tests */ most;
  /** @type {Map<string, string>} */ #templates = new Map();
  /** @type {Map<string, RedisServer>} */ #redis = new Map();
  /** @type {(() => Promise<void>)[]} */ #ends = [];

  /** @param {import("./postgres.js").PostgresServer} postgres @param {{ quick: boolean, most: number }} options */
  constructor(postgres, { quick, most }) {
    this.postgres = postgres;
    this.quick = quick;
    this.most = most;
  }

  /** Whether a contestant can take part. @param {Contestant} contestant @returns {Promise<string | undefined>} the reason why not */
  async missing(contestant) {
    if (contestant.store !== "postgres" && redisVersion() === undefined) return "redis-server is not installed";
    return contestant.missing?.();
  }

  /** Makes what can be made once: a template database, or a Redis. @param {Contestant} contestant */
  async prepare(contestant) {
    if (contestant.store !== "postgres") {
      if (!this.#redis.has(contestant.store))
        this.#redis.set(contestant.store, await RedisServer.start(contestant.store));
      return;
    }
    const name = await this.postgres.create();
    this.#templates.set(contestant.id, name);
    const child = await ContestantProcess.start(contestant);
    try {
      await child.call("prepare", { url: this.postgres.urlOf(name) });
    } finally {
      await child.end();
    }
  }

  /** @param {Contestant} contestant @returns {Promise<Store>} */
  async store(contestant) {
    const redis = this.#redis.get(contestant.store);
    if (redis !== undefined) {
      await redis.empty();
      const inspector = await openInspector(redis.url);
      this.#ends.push(() => inspector.close());
      return { url: redis.url, inspector, spent: () => redis.spent(), database: "" };
    }
    const database = await this.postgres.create(this.#templates.get(contestant.id));
    const url = this.postgres.urlOf(database);
    const inspector = await openInspector(url);
    this.#ends.push(async () => {
      await inspector.close();
      await this.postgres.drop(database);
    });
    return { url, inspector, spent: () => this.postgres.spent(), database };
  }

  /**
   * @param {Contestant} contestant
   * @param {Partial<import("./contestant.js").ProducerOptions> & { url: string }} options
   */
  async producer(contestant, options) {
    const child = await this.#child(contestant);
    await child.call("openProducer", { tasks: 1, revision: 1, shape: "checked", ...options });
    return child;
  }

  /**
   * A worker's process, not yet at work: `child.call("openWorker", workerOptions({ … }))` begins.
   * @param {Contestant} contestant
   */
  worker(contestant) {
    return this.#child(contestant);
  }

  /** @param {Contestant} contestant */
  async #child(contestant) {
    const child = await ContestantProcess.start(contestant);
    this.#ends.push(() => child.end());
    return child;
  }

  /** Does something when the measurement is over. @param {() => Promise<void>} end */
  afterwards(end) {
    this.#ends.push(end);
  }

  /** @param {Case} which @param {Contestant} contestant @returns {Promise<Figures>} */
  async measure(which, contestant) {
    try {
      return await which.measure(this, contestant);
    } finally {
      for (const end of this.#ends.splice(0).reverse()) await end();
    }
  }

  async close() {
    for (const name of this.#templates.values()) await this.postgres.drop(name);
    for (const redis of this.#redis.values()) await redis.stop();
    await this.postgres.close();
  }
}

/** @typedef {Parameters<import("./child.js").Commands["openWorker"]>[0]} WorkerCall */

/** @param {Partial<WorkerCall> & { url: string }} options @returns {WorkerCall} */
export function workerOptions(options) {
  return {
    tasks: 1,
    revisions: 1,
    concurrency: 10,
    shape: "checked",
    steps: 0,
    ahead: 1,
    release: "new",
    holdMs: 0,
    ...options,
  };
}
