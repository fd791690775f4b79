// @ts-check
// The heartbeat of a worker process, in a thread of its own with a connection of its own, so that an event loop blocked by a
// task neither starves it nor is hidden by it: the beat goes on, and carries for how long the main thread has been silent.
// JavaScript, because a thread's file must run as it stands, from src/ and from dist/.
//
// Invariants:
// 1. The session takes the process's advisory lock before its first beat, and again after each reconnection.
// 2. Where no beat has succeeded for lease minus 5 s, the main thread is told to fence itself, once, until one succeeds again.
// 3. A beat that finds no row was judged dead: this thread says so and ends.
import { parentPort, workerData } from "node:worker_threads";

// By `navigator`, which Node 20 does not have, pg tells Node from Cloudflare's workers. Without it it makes a `Response` to look at, for which Node
// loads all of `fetch`: two fifths of the time that loading pg takes, in each worker.
if (!("navigator" in globalThis))
  Object.defineProperty(globalThis, "navigator", { value: { userAgent: "Node.js" }, configurable: true });
const { default: pg } = await import("pg");

/**
 * @typedef {object} HeartbeatData
 * @property {import("pg").ClientConfig} connection
 * @property {number} process
 * @property {number} leaseMs
 * @property {number} intervalMs
 * @property {number} fenceAfterMs
 * @property {SharedArrayBuffer} lastBeat as last-beat.ts reads it
 * @property {boolean} sessions whether the connection is a session, which can hold a lock
 * @property {{ lock: string, beat: string }} sql
 */

const {
  connection,
  process: id,
  leaseMs,
  intervalMs,
  fenceAfterMs,
  sessions,
  lastBeat,
  sql,
} = /** @type {HeartbeatData} */ (workerData);
const port = parentPort;
if (port === null) throw new Error("heartbeat-thread.js is a worker thread's file.");

const beatAt = new BigInt64Array(lastBeat, 0, 2);
const beats = new Int32Array(lastBeat, 16, 1);

let pulseAt = performance.now();
let running = "[]";
let succeededAt = performance.now();
let fenced = false;
let stopping = false;
/** @type {(() => void) | undefined} */
let wakeUp;

port.on("message", (/** @type {{ pulse?: string, stop?: true }} */ message) => {
  if (message.stop) {
    stopping = true;
    wakeUp?.();
  } else {
    pulseAt = performance.now();
    running = message.pulse ?? running;
  }
});

/** @param {number} ms @returns {Promise<void>} */
const pause = (ms) =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    wakeUp = () => {
      clearTimeout(timer);
      resolve();
    };
  });

const watch = setInterval(() => {
  if (!fenced && performance.now() - succeededAt > fenceAfterMs) {
    fenced = true;
    port.postMessage({ fenced: performance.now() - succeededAt });
  }
}, 250);

/** Beats on one connection until it breaks or the thread shall stop. */
async function beatOn(/** @type {import("pg").Client} */ client) {
  await client.connect();
  if (sessions) await client.query(sql.lock, [id]);
  while (!stopping) {
    const startedAt = performance.now();
    const sentAt = [process.hrtime.bigint(), BigInt(Date.now()) * 1_000_000n];
    const silentMs = Math.round(startedAt - pulseAt);
    const { rowCount } = await client.query(sql.beat, [
      id,
      leaseMs,
      sessions,
      silentMs > 2_000 ? silentMs : 0,
      running,
    ]);
    if (rowCount === 0) {
      port?.postMessage({ dead: true });
      stopping = true;
      return;
    }
    succeededAt = startedAt;
    sentAt.forEach((at, clock) => {
      Atomics.store(beatAt, clock, at);
    });
    Atomics.add(beats, 0, 1);
    fenced = false;
    port?.postMessage({ beat: true });
    await pause(intervalMs);
  }
}

for (let failures = 0; !stopping; failures++) {
  const client = new pg.Client(connection);
  let isOver = false;
  // It breaks: the next beat would find out. A connection that is over tells it once more, later, and may not cut the pause short that follows it.
  const broken = () => isOver || wakeUp?.();
  client.on("error", broken);
  client.on("end", broken);
  try {
    await beatOn(client);
  } catch (error) {
    isOver = true;
    if (performance.now() - succeededAt < intervalMs) failures = 0;
    port.postMessage({ lost: error instanceof Error ? error.message : String(error) });
    if (!stopping) await pause(Math.min(2_000, 50 * 2 ** Math.min(failures, 6)));
  } finally {
    isOver = true;
    await client.end().catch(() => {});
  }
}
clearInterval(watch);
port.close();
