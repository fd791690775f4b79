import type { Attempt } from "./attempt.ts";

/**
 * The attempts that run. A plain list, each of which knows its place: a map that is written with every job leaves a dead table behind every
 * hundred of them, and what a dead table names, the next garbage collection keeps. Two of them may be of one job: where this process was taken for dead, the
 * function of the first may still run when the job comes here again, and both take a slot.
 */
export class Slots implements Iterable<Attempt> {
  readonly #attempts: Attempt[] = [];

  get size(): number {
    return this.#attempts.length;
  }

  add(attempt: Attempt): void {
    attempt.slot = this.#attempts.length;
    this.#attempts.push(attempt);
  }

  /** Does nothing where it is not here. */
  delete(attempt: Attempt): void {
    const { slot } = attempt;
    if (this.#attempts[slot] !== attempt) return;
    const last = this.#attempts.pop() as Attempt;
    if (last === attempt) return;
    this.#attempts[slot] = last;
    last.slot = slot;
  }

  [Symbol.iterator](): Iterator<Attempt> {
    return this.#attempts[Symbol.iterator]();
  }
}
