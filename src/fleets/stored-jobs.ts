/**
 * The port between the contract check and the jobs that an existing queue has not done yet. A fleet that can tell them has one file over it. Reading them
 * changes nothing, goes in pages, and holds nobody up: what moves meanwhile may be seen twice, or in rare cases missed.
 */
export interface StoredJobs {
  /** For people: `bullmq`, and the address of its broker without its password. */
  readonly name: string;
  extent(): Promise<{
    readonly queues: readonly string[] /** About as many as there are now. */;
    readonly jobs: number;
  }>;
  pages(): AsyncIterable<readonly StoredJob[]>;
  /** Leaves the broker. */
  leave(): Promise<void>;
}

export interface StoredJob {
  readonly queue: string;
  /** What the queue calls a kind of job: a name, a class. */
  readonly name: string;
  readonly id: string;
  /** JSON text, as its producer wrote it. */
  readonly data: string;
  /** For people: `waiting`, `delayed until 2026-12-01 08:00 UTC`, `failed`. Told where it is asked for. */
  readonly standing: () => string;
}
