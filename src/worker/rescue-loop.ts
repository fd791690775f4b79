import { type Database, pause } from "../engine/database.ts";
import { publish } from "../engine/events.ts";
import { declareDead, findSuspects } from "../engine/liveness.ts";
import { rescueOrphans } from "../engine/rescue.ts";

/**
 * Looks for processes that died, and for the jobs that they left. Invariants:
 *
 * 1. A lost session is believed when it was seen twice, `graceMs` apart: a heartbeat that reconnects takes less.
 * 2. Whoever was away from the database itself, or has just met a server that was, does not judge leases for a lease's length: after an
 *    outage the first one back would take all others for dead.
 */
export interface RescueLoopOptions {
  readonly database: Database;
  readonly process: () => number;
  readonly leaseMs: number;
  readonly onReleased: (lanes: readonly number[]) => void;
}

const everyMs = 700;
const graceMs = 1_000;

export class RescueLoop {
  readonly #options: RescueLoopOptions;
  readonly #stop = new AbortController();
  /** When a process was first seen without its session. */
  readonly #unlocked = new Map<number, number>();
  #judgeLeasesFrom = 0;
  #running: Promise<void> | undefined;

  constructor(options: RescueLoopOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await this.#judge();
        await this.#rescue();
      } catch {
        // Told by the claim loop, which meets the same trouble.
        this.#judgeLeasesFrom = performance.now() + this.#options.leaseMs;
        this.#unlocked.clear();
      }
      await pause(everyMs * (0.85 + Math.random() * 0.3), this.#stop.signal);
    }
  }

  async #judge(): Promise<void> {
    const { database, process } = this.#options;
    const suspects = await findSuspects(database, process());
    const now = performance.now();
    for (const id of this.#unlocked.keys())
      if (!suspects.some((suspect) => suspect.id === id && suspect.unlocked)) this.#unlocked.delete(id);
    for (const { id, lapsed, unlocked } of suspects) {
      if (unlocked && !this.#unlocked.has(id)) this.#unlocked.set(id, now);
      const withoutSession = unlocked && now - (this.#unlocked.get(id) ?? now) >= graceMs;
      if (withoutSession) await declareDead(database, id, "session");
      else if (lapsed && now >= this.#judgeLeasesFrom) await declareDead(database, id, "lease");
    }
  }

  async #rescue(): Promise<void> {
    for (const { process, jobs } of await rescueOrphans(this.#options.database)) {
      const held = jobs.filter((job) => job.held);
      const lanes = new Set(jobs.filter((job) => !job.held).map(({ lane }) => lane));
      publish({
        event: "process.died",
        process,
        cause: "it no longer answers",
        released: jobs.length - held.length,
        held: held.length,
      });
      for (const { id, task, reason } of held)
        publish({ event: "job.held", job: id, task, reason, detail: `process ${process} died` });
      if (lanes.size > 0) this.#options.onReleased([...lanes]);
    }
  }
}
