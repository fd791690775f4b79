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

/** Tells workers when the transaction that is open commits. Answers false where another one is about to notify, and this one does not. */
export async function wakeAlong(run: RunStatement, wakeUps: readonly WakeUp[]): Promise<boolean> {
  const text = toText(wakeUps);
  return text === null || (await run(along, [text])).length > 0;
}

/** Between two notifications of one process while it enqueues without pause, in milliseconds. */
const restMs = 5;

/**
 * When a transaction of the caller's may have committed that could not notify, in milliseconds after it wrote its jobs: nobody tells us. Most end within
 * tens of milliseconds; what ends later than this is found by polling.
 */
const guessesMs = [20, 60, 180, 540];
/** Guesses are gathered, so that a busy producer has no more of them than this allows, in milliseconds. */
const guessApartMs = 20;

export class Waker {
  readonly #database: Database;
  /** When each lane has work, by `performance.now()`. */
  readonly #lanes = new Map<number, number>();
  #sending: Promise<void> | undefined;
  /** The lanes that are guessed to have work, and since when, by when they are told of. */
  readonly #guesses = new Map<number, Map<number, number>>();

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

  /** Jobs have been written in a transaction that is open, and does not notify. Returns at once; workers are told when it may have committed. */
  wakeLater(wakeUps: readonly WakeUp[]): void {
    if (wakeUps.length === 0) return;
    const now = performance.now();
    for (const ms of guessesMs) {
      const at = Math.ceil((now + ms) / guessApartMs) * guessApartMs;
      const lanes = this.#guesses.get(at) ?? new Map<number, number>();
      for (const { lane, inMs } of wakeUps) note(lanes, lane, now + inMs);
      if (this.#guesses.has(at)) continue;
      this.#guesses.set(at, lanes);
      setTimeout(() => this.#guess(at), at - now).unref();
    }
  }

  #guess(at: number): void {
    for (const [lane, since] of this.#guesses.get(at) ?? []) note(this.#lanes, lane, since);
    this.#guesses.delete(at);
    this.#tell();
  }

  #add(wakeUps: readonly WakeUp[]): void {
    const now = performance.now();
    for (const { lane, inMs } of wakeUps) note(this.#lanes, lane, now + inMs);
    this.#tell();
  }

  #tell(): void {
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

  /** Resolves when nothing is on its way any more. What was to be told later is told now: a program that stops has committed what it wants done. */
  async settled(): Promise<void> {
    for (const lanes of this.#guesses.values()) for (const [lane, since] of lanes) note(this.#lanes, lane, since);
    this.#guesses.clear();
    this.#tell();
    await this.#sending;
  }
}

/** That a lane has work, and the earliest time since when. */
function note(lanes: Map<number, number>, lane: number, at: number): void {
  lanes.set(lane, Math.min(at, lanes.get(lane) ?? at));
}
