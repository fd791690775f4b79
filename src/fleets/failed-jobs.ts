/**
 * The port between `taskmaster jobs` and the jobs of an existing queue that have failed. A fleet that can give them back has one file over it. Each job is
 * given back in one atomic step, by the queue's own rules: whoever dies in the middle has lost none and doubled none.
 */
export interface FailedJobs {
  /** For people: `bullmq`, and the address of its broker without its password. */
  readonly name: string;
  /** What failed in the window and has not been given back since. It may be given back while it is being read. */
  pages(window: FailureWindow): AsyncIterable<readonly FailedJob[]>;
  /** Gives them back to their queues. Answers how many: those that have moved on meanwhile are left alone. */
  retry(jobs: readonly FailedJob[]): Promise<number>;
  /** What could not be looked at, a sentence each; after `pages` has ended. */
  readonly remarks: readonly string[];
  /** Leaves the broker. */
  leave(): Promise<void>;
}

/** Epoch milliseconds, both included. */
export interface FailureWindow {
  readonly from: number;
  readonly until: number;
}

export interface FailedJob {
  readonly id: string;
  readonly queue: string;
  /** What the queue calls a kind of job: a name, a class. */
  readonly name: string;
  readonly error: string;
  /** Epoch milliseconds: its last failure. */
  readonly failedAt: number;
  /** What the queue does with it as it is: `failed`, `to be retried 2026-12-01 08:00 UTC`, `dead`. */
  readonly standing: string;
  /** JSON text, as its producer wrote it. Told where it is asked for. */
  readonly data: () => string;
  /** Where it is, in the fleet's own words. */
  readonly place: unknown;
}
