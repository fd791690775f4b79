import { Worker as Thread } from "node:worker_threads";
import { clientConfig } from "../engine/client-config.ts";
import type { Database, DatabaseOptions } from "../engine/database.ts";
import { isTransient } from "../engine/database-errors.ts";
import { heartbeat as beat, takeLivenessLock } from "../engine/liveness.ts";
import { LastBeat } from "./last-beat.ts";

/** Telling the database, again and again, that a process lives. */
export interface Heartbeat {
  /** Resolves when the first beat has succeeded. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /**
   * Whether the last beat is so recent that nobody can have taken this process for dead, by the clocks at this very moment: a process that was
   * stopped and goes on is unsure of itself before it has heard anything.
   */
  isSure(): boolean;
}

export interface HeartbeatOptions {
  readonly process: number;
  readonly leaseMs: number;
  /** What the process runs just now, as JSON text. */
  readonly running: () => string;
  /** No beat has succeeded for so long that others may take this process for dead any moment. */
  readonly onFenced: (silentMs: number) => void;
  /** A beat has succeeded. */
  readonly onBeat: () => void;
  /** This process has been judged dead. */
  readonly onDead: () => void;
}

/** How long before its lease ends a process stops itself. */
const safetyMs = 5_000;

function fenceAfterMs(leaseMs: number): number {
  return Math.max(leaseMs / 2, leaseMs - safetyMs);
}

/** Between two beats: four to a lease. */
function intervalMs(leaseMs: number): number {
  return leaseMs / 4;
}

type Message = { readonly beat?: true; readonly fenced?: number; readonly dead?: true; readonly lost?: string };

/** A worker's heartbeat: a thread with its own connection, which also holds the process's session lock. */
export function threadedHeartbeat(
  connection: DatabaseOptions,
  sessions: boolean,
  options: HeartbeatOptions,
): Heartbeat {
  const { process, leaseMs } = options;
  let thread: Thread | undefined;
  let pulse: NodeJS.Timeout | undefined;
  const { types: _, ...config } = clientConfig(connection);
  const lastBeat = new LastBeat(fenceAfterMs(leaseMs));

  const start = () =>
    new Promise<void>((resolve, reject) => {
      thread = new Thread(new URL("./heartbeat-thread.js", import.meta.url), {
        // A beat that hangs is worth nothing once the next is due.
        workerData: {
          connection: {
            ...config,
            query_timeout: intervalMs(leaseMs),
            connectionTimeoutMillis: intervalMs(leaseMs),
          },
          process,
          leaseMs,
          intervalMs: intervalMs(leaseMs),
          fenceAfterMs: fenceAfterMs(leaseMs),
          sessions,
          lastBeat: lastBeat.shared,
          sql: { lock: takeLivenessLock.text, beat: beat.text },
        },
        // A thread inherits flags of the main thread that it may not understand.
        execArgv: [],
        stdout: false,
      });
      thread.on("message", ({ beat, fenced, dead }: Message) => {
        if (beat) {
          options.onBeat();
          resolve();
        }
        if (fenced !== undefined) options.onFenced(fenced);
        if (dead) {
          resolve(); // it comes back as another one, which tells by itself
          options.onDead();
        }
      });
      thread.on("error", reject);
      pulse = setInterval(() => thread?.postMessage({ pulse: options.running() }), 500);
      pulse.unref();
    });

  const stop = async () => {
    clearInterval(pulse);
    if (thread === undefined) return;
    const exited = new Promise((resolve) => thread?.once("exit", resolve));
    thread.postMessage({ stop: true });
    const patience = setTimeout(() => void thread?.terminate(), 2_000);
    await exited;
    clearTimeout(patience);
    thread = undefined;
  };
  return { start, stop, isSure: () => lastBeat.isRecent() };
}

/** A producer's heartbeat: a timer. It claims nothing, so nothing depends on its lease but what people are shown. */
export function timedHeartbeat(database: Database, options: HeartbeatOptions): Heartbeat {
  const { process, leaseMs } = options;
  let timer: NodeJS.Timeout | undefined;
  let isBeating = false;
  const tick = async () => {
    if (isBeating) return;
    isBeating = true;
    try {
      const rows = await database.query(beat, [process, leaseMs, false, 0, options.running()]);
      if (rows.length === 0) options.onDead();
      else options.onBeat();
    } catch (error) {
      if (!isTransient(error)) throw error;
    } finally {
      isBeating = false;
    }
  };
  return {
    start: async () => {
      timer = setInterval(() => void tick().catch(() => {}), intervalMs(leaseMs));
      timer.unref();
    },
    stop: async () => clearInterval(timer),
    isSure: () => true, // it starts nothing
  };
}
