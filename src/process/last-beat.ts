import { hrtime } from "node:process";

/**
 * When the last beat that succeeded was sent, by two clocks (one stands still while a machine sleeps, the other can be set), as the
 * heartbeat's thread writes it. Looked at before every start of a job, so it has to be cheap: the clocks' large numbers
 * are read once a beat, and told by the count of beats that comes behind them.
 */
export class LastBeat {
  /** Two 64-bit numbers, nanoseconds by the monotonic and by the wall clock, and a 32-bit count of beats. */
  readonly shared = new SharedArrayBuffer(24);
  readonly #at = new BigInt64Array(this.shared, 0, 2);
  readonly #count = new Int32Array(this.shared, 16, 1);
  readonly #recentMs: number;
  /** What the monotonic clock showed when `performance.now()` was 0, or a moment later: a beat may seem older than it is, never newer. */
  readonly #origin: bigint;
  #known = 0;
  #monotonicMs = Number.NEGATIVE_INFINITY;
  #wallMs = Number.NEGATIVE_INFINITY;

  constructor(recentMs: number) {
    this.#recentMs = recentMs;
    const since = BigInt(Math.floor(performance.now() * 1e6));
    this.#origin = hrtime.bigint() - since;
  }

  /** Whether it was sent less than `recentMs` ago by both clocks. */
  isRecent(): boolean {
    const count = Atomics.load(this.#count, 0);
    if (count !== this.#known) this.#read(count);
    return performance.now() - this.#monotonicMs < this.#recentMs && Date.now() - this.#wallMs < this.#recentMs;
  }

  #read(count: number): void {
    this.#known = count;
    this.#monotonicMs = Number(Atomics.load(this.#at, 0) - this.#origin) / 1e6;
    this.#wallMs = Number(Atomics.load(this.#at, 1) / 1_000_000n);
  }
}
