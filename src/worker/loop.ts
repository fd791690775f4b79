import { pause } from "../engine/database.ts";

/** Something that is done again and again until it is stopped. No error ends it. */
export class Loop {
  readonly #stop = new AbortController();
  readonly #round: () => Promise<number>;
  readonly #failed: (error: unknown) => number;
  #running: Promise<void> | undefined;
  #nudged = false;
  #wake: AbortController | undefined;

  /**
   * @param round does it once, and answers in how many milliseconds to do it again
   * @param failed is told of an error of a round, and answers the same
   */
  constructor(round: () => Promise<number>, failed: (error: unknown) => number) {
    this.#round = round;
    this.#failed = failed;
  }

  /** @param inMs when the first round begins, in milliseconds. Default 0: at once */
  start(inMs = 0): void {
    this.#running ??= this.#run(inMs);
  }

  /** Does it again at once, or, in the middle of a round, right after it. */
  nudge(): void {
    this.#nudged = true;
    this.#wake?.abort();
  }

  async #run(inMs: number): Promise<void> {
    if (inMs > 0) await this.#rest(inMs);
    while (!this.#stop.signal.aborted) {
      this.#nudged = false;
      const ms = await this.#round().catch(this.#failed);
      if (this.#nudged || this.#stop.signal.aborted) continue; // told in the middle of the round
      await this.#rest(ms);
    }
  }

  async #rest(ms: number): Promise<void> {
    this.#wake = new AbortController();
    await pause(ms, this.#wake.signal);
  }

  /** Resolves when the present round has ended. Idempotent. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#wake?.abort();
    await this.#running;
  }
}
