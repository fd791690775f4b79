import type { Database } from "./database.ts";
import { sql, statement } from "./statement.ts";

/**
 * Telling workers that a lane has work: after the commit, on one connection, coalesced, so that it costs the enqueue nothing.
 * A lost notification costs a poll interval and never a job.
 */
const notify = statement("wake", sql`select pg_notify('taskmaster_job', $1)`);

/** Between two notifications of one process while it enqueues without pause, in milliseconds. */
const restMs = 5;

export class Waker {
  readonly #database: Database;
  readonly #lanes = new Set<number>();
  #sending: Promise<void> | undefined;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Whether nothing is being sent and nothing was just now: a statement may notify by itself. */
  get quiet(): boolean {
    return this.#sending === undefined;
  }

  /** Returns at once; the first call notifies at once, those that come while it does are gathered into the next. */
  wake(lanes: Iterable<number>): void {
    for (const lane of lanes) this.#lanes.add(lane);
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined;
    });
  }

  async #send(): Promise<void> {
    while (this.#lanes.size > 0) {
      const payload = [...this.#lanes].slice(0, 500).join(",");
      this.#lanes.clear();
      await this.#database.query(notify, [payload]).catch(() => {}); // the workers' polling covers it
      await new Promise((resolve) => setTimeout(resolve, restMs));
    }
  }

  /** Resolves when nothing is on its way any more. */
  async settled(): Promise<void> {
    await this.#sending;
  }
}
