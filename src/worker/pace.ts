/**
 * How many jobs to claim ahead: as many as this worker will run within `aheadMs`, by how long each task's attempts have
 * taken lately. Jobs of a millisecond are claimed by the hundreds, jobs of a second one by one, so that no worker hoards what another could run.
 * Where payloads are large there are fewer, so that what waits here does not fill the memory.
 *
 * How long an attempt takes does not say how many end: where the machine is busy with other things, such as a dozen other workers, or this program has
 * just started, functions that end at once wait for their turn. So it is also measured how long what was claimed ahead waits here until it starts.
 *
 * Where no attempt has ended within `mostHeldMs`, nothing is known of the present jobs, which may be of another kind than the last ones: what has a slot is claimed, and as
 * soon as one of them has ended, the rest.
 */
const aheadMs = 100;
const most = 6_000;
/** Jobs ahead at first, doubled with each claim that starts in time, up to what has started lately. */
const atFirst = 125;
/** How long the last job of a claim may wait until it starts, in milliseconds: far less than it may lie here before it goes back (runner.ts). */
const mostHeldMs = 300;
/** Where many programs share the cores each comes to its turn now and then, and what it starts in its turn it will not start in the next half second. */
const latelyMs = 1_000;
const markEveryMs = 10;
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
  /** Jobs ahead that start in time, as far as is known. */
  #inTime = atFirst;
  /** When the last attempt ended, by `performance.now()`. */
  #ranAt = Number.NEGATIVE_INFINITY;
  /** What had started in all, now and then within the last second and once before it, oldest first. */
  readonly #marks: { readonly at: number; readonly started: number }[] = [];

  constructor(concurrency: number) {
    this.#concurrency = concurrency;
  }

  /**
   * An attempt has ended.
   *
   * @param startedAt by `performance.now()`
   * @param length of its payload, in characters of JSON
   */
  ran(task: string, startedAt: number, length: number): void {
    const now = performance.now();
    const ms = now - startedAt;
    this.#ranAt = now;
    const averages = this.#tasks.get(task);
    if (averages === undefined) {
      this.#tasks.set(task, { ms, length });
      return;
    }
    averages.ms += (ms - averages.ms) * weight;
    averages.length += (length - averages.length) * weight;
  }

  /**
   * All that a claim brought has started.
   *
   * @param started how many jobs have started in all
   * @param before how many had when the claim came: those that were here before it start before it
   * @param ms how long ago it came
   */
  started(started: number, before: number, ms: number): void {
    const now = performance.now();
    if (ms > mostHeldMs) this.#inTime = Math.max(1, Math.floor(((started - before) * mostHeldMs) / ms));
    else if (ms < mostHeldMs / 2)
      this.#inTime = Math.min(most, this.#inTime * 2, Math.max(atFirst, Math.floor(this.#lately(started, now))));
    this.#mark(started, now);
  }

  /** How many jobs start in `mostHeldMs`, by the last so many milliseconds or by the last second, whichever is more. */
  #lately(started: number, now: number): number {
    const since = (ms: number) => started - (this.#marks.findLast(({ at }) => now - at >= ms)?.started ?? 0);
    return Math.max(since(mostHeldMs), (since(latelyMs) * mostHeldMs) / latelyMs);
  }

  #mark(started: number, now: number): void {
    const marks = this.#marks;
    const last = marks.at(-1);
    if (last !== undefined && now - last.at < markEveryMs) return; // claims may be small and many
    marks.push({ at: now, started });
    while (marks[1] !== undefined && now - marks[1].at >= latelyMs) marks.shift();
  }

  /** What a claim brought goes back, because it has waited too long. */
  gaveUp(): void {
    this.#inTime = Math.max(1, Math.floor(this.#inTime / 2));
  }

  /** Jobs beyond the free slots that may be claimed, where these tasks have work: the slowest and the largest of them decide. */
  ahead(tasks: ReadonlySet<string>): number {
    if (performance.now() - this.#ranAt > mostHeldMs) return 0;
    let slowest = 0;
    let longest = 0;
    for (const task of tasks) {
      const { ms, length } = this.#tasks.get(task) ?? { ms: Number.POSITIVE_INFINITY, length: 0 };
      slowest = Math.max(slowest, ms);
      longest = Math.max(longest, length);
    }
    const quick = (this.#concurrency * aheadMs) / Math.max(slowest, 0.05);
    return Math.floor(Math.min(this.#inTime, quick, mostText / Math.max(longest, 1)));
  }
}
