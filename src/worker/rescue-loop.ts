import type { Database } from "../engine/database.ts";
import { publish } from "../engine/events.ts";
import { declareDead, listOthers } from "../engine/liveness.ts";
import { rescueOrphans } from "../engine/rescue.ts";
import { Loop } from "./loop.ts";

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
  /** So many other workers live: all of them are looked at here anyway. */
  readonly onCounted: (workers: number) => void;
}

const everyMs = 700;
const graceMs = 1_000;

function jittered(): number {
  return everyMs * (0.85 + Math.random() * 0.3);
}

export class RescueLoop {
  readonly #options: RescueLoopOptions;
  /** When a process was first seen without its session. */
  readonly #unlocked = new Map<number, number>();
  #judgeLeasesFrom = 0;
  readonly #loop: Loop;

  constructor(options: RescueLoopOptions) {
    this.#options = options;
    this.#loop = new Loop(
      () => this.#round(),
      () => this.#wasAway(),
    );
  }

  start(): void {
    this.#loop.start();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  async #round(): Promise<number> {
    await this.#judge();
    await this.#rescue();
    return jittered();
  }

  /** The claim loop meets the same trouble, and tells of it. */
  #wasAway(): number {
    this.#judgeLeasesFrom = performance.now() + this.#options.leaseMs;
    this.#unlocked.clear();
    return jittered();
  }

  async #judge(): Promise<void> {
    const { database, process, onCounted } = this.#options;
    const others = await listOthers(database, process());
    onCounted(others.filter(({ isWorker }) => isWorker).length);
    const suspects = others.filter(({ lapsed, unlocked }) => lapsed || unlocked);
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
