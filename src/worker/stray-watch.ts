import { watchAttempt } from "../engine/attempt-scope.ts";
import type { Database } from "../engine/database.ts";
import { publish } from "../engine/events.ts";
import { noteStrayEnqueue } from "../engine/stray.ts";

/**
 * Watches some attempts of interruptible tasks for jobs that they enqueue directly: an interruption between that and the task's end would leave such a
 * job, and the rerun makes another. `taskmaster audit` tells of them.
 */
const firstOfATask = 3;
const thenEvery = 1_000;

export class StrayWatch {
  readonly #database: Database;
  readonly #attempts = new Map<string, number>();
  readonly #told = new Set<string>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** Whether to watch the next attempt of a task. */
  isDue(task: string): boolean {
    const attempts = (this.#attempts.get(task) ?? 0) + 1;
    this.#attempts.set(task, attempts);
    return attempts <= firstOfATask || attempts % thenEvery === 0;
  }

  watch<T>(task: string, job: string, work: () => T): Promise<Awaited<T>> {
    return watchAttempt({ onEnqueue: (child) => this.#tell(task, job, child) }, work);
  }

  #tell(task: string, job: string, child: string): void {
    publish({ event: "job.stray-enqueue", job, task, child });
    const pair = `${task} ${child}`;
    if (this.#told.has(pair)) return;
    this.#told.add(pair);
    void noteStrayEnqueue(this.#database, task, child).catch(() => this.#told.delete(pair));
  }
}
