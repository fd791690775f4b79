import type { Database, RunStatement } from "./database.ts";
import type { NewJob } from "./enqueue.ts";
import { sql, statement } from "./statement.ts";
import { toText, type WakeUp, wakeUpsFor } from "./wake-ups.ts";

/**
 * Telling workers that a lane has work: after the commit, on one connection, coalesced, so that it costs the enqueue nothing.
 * A lost notification costs a poll interval and never a job.
 */
const notify = statement("wake", sql`select pg_notify('taskmaster_job', $1)`);

// Together with a transaction, as an enqueue does it (enqueue.ts): not where it would wait for another one that does the same.
const along = statement(
  "wake_along",
  sql`select pg_notify('taskmaster_job', $1)::text where pg_try_advisory_xact_lock(1952543859, 2)`,
);

/** Tells workers when the transaction that is open commits; where another transaction is about to, their polling finds the jobs. */
export async function wakeAlong(run: RunStatement, wakeUps: readonly WakeUp[]): Promise<void> {
  const text = toText(wakeUps);
  if (text !== null) await run(along, [text]);
}

/** Between two notifications of one process while it enqueues without pause, in milliseconds. */
const restMs = 5;

export class Waker {
  readonly #database: Database;
  /** When each lane has work, by `performance.now()`. */
  readonly #lanes = new Map<number, number>();
  #sending: Promise<void> | undefined;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Whether nothing is being sent and nothing was just now: a statement may notify by itself. */
  get quiet(): boolean {
    return this.#sending === undefined;
  }

  /** These lanes have work. Returns at once; the first call notifies at once, those that come while it does are gathered into the next. */
  wake(lanes: Iterable<number>): void {
    this.#add(Array.from(lanes, (lane) => ({ lane, inMs: 0 })));
  }

  /** These jobs have been written. Returns at once. */
  wakeFor(jobs: readonly NewJob[]): void {
    this.#add(wakeUpsFor(jobs));
  }

  #add(wakeUps: readonly WakeUp[]): void {
    const now = performance.now();
    for (const { lane, inMs } of wakeUps)
      this.#lanes.set(lane, Math.min(now + inMs, this.#lanes.get(lane) ?? now + inMs));
    if (this.#lanes.size > 0)
      this.#sending ??= this.#send().finally(() => {
        this.#sending = undefined;
      });
  }

  async #send(): Promise<void> {
    while (this.#lanes.size > 0) {
      const now = performance.now();
      const payload = toText(Array.from(this.#lanes, ([lane, at]) => ({ lane, inMs: Math.max(0, at - now) })));
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
