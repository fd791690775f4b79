import type { WakeUp } from "../engine/wake-ups.ts";

/**
 * Who answers when there is work. A notification reaches every worker; the claim of one of them brings the job, those of all others cost the database, and the
 * cores that they share with that one, as much as its own. With a dozen workers they were most of what a job cost. Rules:
 *
 * 1. Whoever came too late lets others go first: it answers a random time later, of up to twice as long as the time before, and of a quarter where it gets a job. So
 *    whoever gets every third that it looks for ends up answering at once. Where there is little to do, one worker does it; where that one is gone another comes,
 *    on average within `apartMs`, and soon answers at once. However many there are, together they look in vain about twice in `apartMs`.
 * 2. Whoever could only claim ahead, because all of its slots are taken, answers after all who have room, or as soon as it has some itself.
 * 3. Who is alone never waits; and where nobody has looked in vain lately, nobody does: it costs little.
 */
const apartMs = 20;
/** Less than this is not worth a timer. */
const leastMs = 1;

export interface DeferenceOptions {
  /** Is given what this worker was told, when it is its turn to look. */
  readonly answer: (wakeUps: readonly WakeUp[]) => void;
  /** Whether a job could start at once. */
  readonly hasRoom: () => boolean;
}

export class Deference {
  readonly #options: DeferenceOptions;
  /** How long others may go first, in milliseconds: at most, and now. */
  #longestMs = 0;
  #windowMs = 0;
  #inVainAt = Number.NEGATIVE_INFINITY;
  /** Lanes that wait for this worker's turn, which comes by the clock, or with the first slot that is free. */
  readonly #lanes = new Set<number>();
  #turn: NodeJS.Timeout | undefined;
  #wantsRoom = false;

  constructor(options: DeferenceOptions) {
    this.#options = options;
  }

  /** How many other workers live. */
  set others(workers: number) {
    this.#longestMs = apartMs * workers;
  }

  /** All workers were told that lanes have work, or will have. */
  told(wakeUps: readonly WakeUp[]): void {
    const { answer, hasRoom } = this.#options;
    const isFull = !hasRoom();
    const ms = isFull ? (1 + Math.random()) * this.#longestMs : this.#drawMs();
    if (this.#turn === undefined && ms < leastMs) {
      answer(wakeUps);
      return;
    }
    const later = wakeUps.filter(({ inMs }) => inMs > 0);
    if (later.length > 0) answer(later); // it is no time to look yet, and the clock runs
    for (const { lane, inMs } of wakeUps) if (inMs === 0) this.#lanes.add(lane);
    if (this.#lanes.size === 0) return;
    this.#wantsRoom ||= isFull;
    this.#turn ??= setTimeout(() => this.#takeTurn(), ms).unref();
  }

  #drawMs(): number {
    if (performance.now() - this.#inVainAt > this.#longestMs) this.#windowMs = 0;
    return Math.random() * this.#windowMs;
  }

  /** A claim has brought so many jobs. */
  claimed(jobs: number): void {
    if (jobs > 0) {
      this.#windowMs /= 4; // not to nothing: between two jobs of a busy lane there is luck, too
      return;
    }
    this.#windowMs = Math.min(Math.max(leastMs, this.#windowMs * 2), this.#longestMs);
    this.#inVainAt = performance.now();
  }

  /** An attempt has ended. */
  ended(): void {
    if (this.#wantsRoom && this.#options.hasRoom()) this.#takeTurn();
  }

  #takeTurn(): void {
    clearTimeout(this.#turn);
    this.#turn = undefined;
    this.#wantsRoom = false;
    const wakeUps = Array.from(this.#lanes, (lane) => ({ lane, inMs: 0 }));
    this.#lanes.clear();
    this.#options.answer(wakeUps);
  }
}
