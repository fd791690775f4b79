/**
 * How many jobs to claim ahead: as many as this worker will run within `aheadMs`, by how long each task's attempts have
 * taken lately. Jobs of a millisecond are claimed by the hundreds, jobs of a second one by one, so that no worker hoards what another could run.
 */
const aheadMs = 100;
const most = 2_000;
/** Weight of the newest attempt in the moving average. */
const weight = 0.2;

export class Pace {
  readonly #concurrency: number;
  readonly #averages = new Map<string, number>();

  constructor(concurrency: number) {
    this.#concurrency = concurrency;
  }

  ran(task: string, ms: number): void {
    const average = this.#averages.get(task);
    this.#averages.set(task, average === undefined ? ms : average + (ms - average) * weight);
  }

  /** Jobs beyond the free slots that may be claimed, where these tasks have work: the slowest of them decides. */
  ahead(tasks: ReadonlySet<string>): number {
    let slowest = 0;
    for (const task of tasks) slowest = Math.max(slowest, this.#averages.get(task) ?? Number.POSITIVE_INFINITY);
    return Math.floor(Math.min(most, (this.#concurrency * aheadMs) / Math.max(slowest, 0.05)));
  }
}
