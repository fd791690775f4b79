import type { Execution } from "../contract/execution.ts";
import type { Closes } from "../engine/gate.ts";

/** Who keeps a worker from starting jobs. */
export type ClosedBy = "gate" | "fence" | "stop";

/** What a worker may start: everything, unless somebody has closed it; who closed opens, and nobody else for him. */
export class Closing {
  readonly #by = new Map<ClosedBy, Closes>();

  close(by: ClosedBy, closes: Closes = "all"): void {
    this.#by.set(by, closes);
  }

  open(by: ClosedBy): void {
    this.#by.delete(by);
  }

  /** What is closed. */
  get closes(): Closes | undefined {
    if (this.#by.size === 0) return undefined;
    return [...this.#by.values()].includes("all") ? "all" : "short";
  }

  allows({ kind }: Execution): boolean {
    const { closes } = this;
    return closes === undefined || (closes === "short" && kind === "interruptible");
  }
}
