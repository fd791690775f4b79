/**
 * A process of a contestant: a producer or a worker, told by its parent what to do. It shares no event loop with the
 * measurer, nor with the other side of the queue.
 */
import pg from "pg";
import { now, pause } from "./clock.js";
import { payloadOf } from "./contestant.js";
import { openInspector } from "./inspector.js";

/** @typedef {import("./contestant.js").Producer} Producer */

const [id = "", file = ""] = process.argv.slice(2);
/** @type {Record<string, import("./contestant.js").Contestant>} */
const exported = await import(`../contestants/${file}`); // its own package only: a process of one peer does not load the others
const found = Object.values(exported).find((one) => one.id === id);
if (found === undefined) throw new Error(`There is no contestant ${id} in ${file}.`);
const contestant = found;

/** @type {Producer | undefined} */
let producer;
/** @type {import("./contestant.js").ProducerOptions | undefined} */
let producing;
/** @type {(() => Promise<void>) | undefined} */
let stopWorker;

const tally = { done: 0, failures: 0, firstStart: 0, lastStart: 0 };
/** @type {number[]} */
let waits = [];

/**
 * What every job does, by the worker's release: nothing, or a few milliseconds of waiting; the old release throws at
 * what the new one writes, as code does that reads a field which is no longer there.
 * @param {{ release: "old" | "new", holdMs: number }} behaviour
 */
function runner({ release, holdMs }) {
  return (/** @type {import("./contestant.js").Payload} */ payload) => {
    const at = now();
    if (tally.firstStart === 0) tally.firstStart = at;
    tally.lastStart = at;
    if (release === "old" && payload.subject === undefined) {
      tally.failures += 1;
      throw new Error("Cannot read the subject of a payload that has a title");
    }
    if (payload.sent !== undefined) waits.push(at - payload.sent);
    if (holdMs === 0) {
      tally.done += 1;
      return undefined;
    }
    return pause(holdMs).then(() => {
      tally.done += 1;
    });
  };
}

function begun() {
  if (tally.firstStart === 0) tally.firstStart = now();
}

function opened() {
  if (producer === undefined || producing === undefined) throw new Error("The producer is not open.");
  return { producer, producing };
}

const commands = {
  /** @param {{ url: string }} options */
  prepare: ({ url }) => contestant.prepare(url),

  /** @param {import("./contestant.js").ProducerOptions} options */
  async openProducer(options) {
    producing = options;
    producer = await contestant.produce(options);
  },

  async closeProducer() {
    await producer?.close();
    producer = undefined;
  },

  /** @param {Omit<import("./contestant.js").WorkerOptions, "run" | "begun"> & { release: "old" | "new", holdMs: number }} options */
  async openWorker(options) {
    Object.assign(tally, { done: 0, failures: 0, firstStart: 0, lastStart: 0 });
    waits = [];
    stopWorker = await contestant.work({ ...options, begun, run: runner(options) });
  },

  async closeWorker() {
    await stopWorker?.();
    stopWorker = undefined;
  },

  /**
   * Fills the queue by the fastest way there is, over all tasks or with one, until so many are there or the time is over.
   * Answers how many are.
   * @param {{ count: number, from?: number, only?: number, ms?: number }} options
   */
  async fill({ count, from = 0, only, ms = Number.POSITIVE_INFINITY }) {
    const { producer, producing } = opened();
    const size = Math.min(1_000, only === undefined ? Math.ceil(count / producing.tasks) : count);
    const end = now() + ms;
    let next = from;
    let task = 0;
    const lane = async () => {
      while (next < from + count && now() < end) {
        const first = next;
        next += Math.min(size, from + count - next);
        await producer.enqueueMany(range(first, next).map(payloadOf), only ?? task++ % producing.tasks);
      }
    };
    await Promise.all([lane(), lane()]);
    return next - from;
  },

  /**
   * Enqueues for a time, so and so many calls at once.
   * @param {{ ms: number, concurrency: number, batch: number, within: boolean }} options
   */
  async enqueueFor({ ms, concurrency, batch, within }) {
    const { producer, producing } = opened();
    const { enqueueWithin } = producer;
    let n = 0;
    let jobs = 0;
    const clients = within ? await Promise.all(range(0, concurrency).map(() => connect(producing.url))) : [];
    const once = async (/** @type {number} */ lane) => {
      const client = clients[lane];
      if (client !== undefined && enqueueWithin !== undefined) {
        await client.query("begin");
        await enqueueWithin(client, payloadOf(n++));
        await client.query("commit");
      } else if (batch > 1) {
        const first = n;
        n += batch;
        await producer.enqueueMany(range(first, n).map(payloadOf), 0);
      } else await producer.enqueue(payloadOf(n++), 0);
    };
    const begin = now();
    const cpu = process.cpuUsage();
    const lanes = range(0, concurrency).map(async (lane) => {
      while (now() < begin + ms) {
        await once(lane);
        jobs += batch;
      }
    });
    await Promise.all(lanes);
    const seconds = (now() - begin) / 1_000;
    const spent = process.cpuUsage(cpu);
    for (const client of clients) await client.end();
    return { jobs, seconds, cpuSeconds: (spent.user + spent.system) / 1e6 };
  },

  /**
   * One job after the other: enqueue, wait until it has been settled, pause.
   * @param {{ samples: number, ms: number, gapMs: number }} options
   */
  async probe({ samples, ms, gapMs }) {
    const { producer, producing } = opened();
    const inspector = await openInspector(producing.url);
    const settled = [];
    const enqueued = [];
    const end = now() + ms;
    for (let probe = 0; settled.length < samples && now() < end; probe++) {
      const sent = now();
      const id = await producer.enqueue({ ...payloadOf(probe), sent, probe }, 0);
      enqueued.push(now() - sent);
      while (!(await contestant.settled(inspector, id)))
        if (now() > end + 20_000) throw new Error(`Job ${id} is not settled after 20 s.`);
      settled.push(now() - sent);
      await pause(Math.random() * 2 * gapMs);
    }
    await inspector.close();
    return { settled, enqueued };
  },

  /**
   * Enqueues at a steady rate, in small batches every few milliseconds; the payloads say when.
   * @param {{ rate: number, ms: number, stamped: boolean, newShape?: boolean, from?: number }} options
   */
  async load({ rate, ms, stamped, newShape = false, from = 0 }) {
    const { producer } = opened();
    const begin = now();
    let sent = 0;
    while (now() < begin + ms) {
      const due = Math.floor(((now() - begin) / 1_000) * rate) - sent;
      if (due > 0) {
        const payloads = range(sent, sent + Math.min(due, 1_000)).map((n) => {
          const { subject, ...rest } = payloadOf(from + n);
          return { ...rest, ...(newShape ? { title: subject } : { subject }), ...(stamped ? { sent: now() } : {}) };
        });
        if (payloads.length === 1 && payloads[0] !== undefined) await producer.enqueue(payloads[0], 0);
        else await producer.enqueueMany(payloads, 0);
        sent += payloads.length;
      }
      await pause(5);
    }
    return { jobs: sent };
  },

  /** @param {{ takeWaits?: boolean }} [options] */
  report({ takeWaits = false } = {}) {
    const answer = { ...tally, waits: takeWaits ? waits : [] };
    if (takeWaits) waits = [];
    return answer;
  },

  cpu() {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  },
};

/** @typedef {typeof commands} Commands what a parent may call, `process.js` */

/** @param {string} url */
async function connect(url) {
  const client = new pg.Client(url);
  client.on("error", () => {});
  await client.connect();
  return client;
}

/** @param {number} from @param {number} to */
function range(from, to) {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

process.on(
  "message",
  async (/** @type {{ id: number, command: keyof typeof commands, options: never }} */ { id, command, options }) => {
    try {
      process.send?.({ id, result: await commands[command](options) });
    } catch (error) {
      process.send?.({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  },
);
process.once("disconnect", () => process.exit(0));
process.send?.({ ready: true });
