/**
 * How many jobs to claim ahead: as many as this worker will run within `aheadMs`, by how long each task's attempts have
 * taken lately. Jobs of a millisecond are claimed by the hundreds, jobs of a second one by one, so that no worker hoards what another could run.
 * Where payloads are large there are fewer, so that what waits here does not fill the memory.
 */
const aheadMs = 100;
const most = 2_000;
/** Characters of JSON, by how long payloads have been lately. */
const mostText = 16_000_000;
/** Weight of the newest attempt in the moving averages. */
const weight = 0.2;

interface Averages {
  ms: number;
  /** Of a payload, in characters of JSON. */
  length: number;
}

export class Pace {
  readonly #concurrency: number;
  readonly #tasks = new Map<string, Averages>();

  constructor(concurrency: number) {
    this.#concurrency = concurrency;
  }

  ran(task: string, ms: number, length: number): void {
    const averages = this.#tasks.get(task);
    if (averages === undefined) {
      this.#tasks.set(task, { ms, length });
      return;
    }
    averages.ms += (ms - averages.ms) * weight;
    averages.length += (length - averages.length) * weight;
  }

  /** Jobs beyond the free slots that may be claimed, where these tasks have work: the slowest and the largest of them decide. */
  ahead(tasks: ReadonlySet<string>): number {
    let slowest = 0;
    let longest = 0;
    for (const task of tasks) {
      const { ms, length } = this.#tasks.get(task) ?? { ms: Number.POSITIVE_INFINITY, length: 0 };
      slowest = Math.max(slowest, ms);
      longest = Math.max(longest, length);
    }
    const inTime = (this.#concurrency * aheadMs) / Math.max(slowest, 0.05);
    return Math.floor(Math.min(most, inTime, mostText / Math.max(longest, 1)));
  }
}
