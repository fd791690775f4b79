import { AsyncLocalStorage } from "node:async_hooks";
import { isAbsolute, sep } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * One run of a task whose effects are counted, and which may be killed at one of them. Invariants:
 *
 * 1. A killed run never settles: whatever it waits for stays pending, because a thrown error could be caught.
 * 2. Nothing that a killed run does afterwards happens.
 * 3. What an effect does inside itself is part of it, and not counted.
 */

/** Something that the task did to the world. */
export interface Effect {
  /** Such as `sql`, `http`, `file`, `step`. */
  readonly kind: string;
  /** For people: `insert into orders …`, `POST https://…`. */
  readonly what: string;
  /** Where in the task: `tasks.ts:12:5`; empty where the stack does not tell. */
  readonly where: string;
}

/** Where a run is killed: right before its n-th effect (from 0), or right after: done, and its reply lost. */
export interface Kill {
  readonly at: number;
  readonly when: "before" | "after";
}

/** Thrown by a synchronous effect of a killed run, which cannot stay pending. */
class KilledError extends Error {
  override readonly name = "KilledError";
}

const runs = new AsyncLocalStorage<TrackedRun | undefined>();
/** Where the task has called a library that forgets its callers. */
const callers = new AsyncLocalStorage<string>();

export class TrackedRun {
  readonly effects: Effect[] = [];
  readonly #kill: Kill | undefined;
  readonly #onKill: (() => void)[] = [];
  #dead = false;

  constructor(kill?: Kill) {
    this.#kill = kill;
  }

  /** The run that the present code belongs to. */
  static get current(): TrackedRun | undefined {
    return runs.getStore();
  }

  /** Does something that belongs to no run. */
  static outside<T>(work: () => T): T {
    return runs.run(undefined, work);
  }

  /** Does something by a library that forgets its callers. */
  calling<T>(work: () => T): T {
    return callers.run(lineOfTask(), work);
  }

  /** Does something as this run. */
  within<T>(work: () => T): T {
    return runs.run(this, work);
  }

  get dead(): boolean {
    return this.#dead;
  }

  /** Called once, when the run is killed. */
  onKill(tell: () => void): void {
    this.#onKill.push(tell);
  }

  #die(): void {
    if (this.#dead) return;
    this.#dead = true;
    for (const tell of this.#onKill.splice(0)) tell();
  }

  /** Counts an effect, and does it unless the run is killed. */
  async effect<T>(kind: string, what: string, perform: () => Promise<T>): Promise<T> {
    if (this.#dead) return never();
    const index = this.#count(kind, what);
    if (this.#isKilled(index, "before")) return this.#neverAfterDeath();
    try {
      return await TrackedRun.outside(perform);
    } finally {
      if (this.#isKilled(index, "after")) this.#die();
      if (this.#dead) await never();
    }
  }

  effectSync<T>(kind: string, what: string, perform: () => T): T {
    if (this.#dead) throw new KilledError(what);
    const index = this.#count(kind, what);
    if (this.#isKilled(index, "before")) {
      this.#die();
      throw new KilledError(what);
    }
    try {
      return TrackedRun.outside(perform);
    } finally {
      if (this.#isKilled(index, "after")) {
        this.#die();
        // biome-ignore lint/correctness/noUnsafeFinally: the reply is lost, whatever it was
        throw new KilledError(what);
      }
    }
  }

  /** Something that the run waits for and that is no effect: stays pending once the run is dead. */
  async wait<T>(perform: () => Promise<T>): Promise<T> {
    if (this.#dead) return never();
    try {
      return await perform();
    } finally {
      if (this.#dead) await never();
    }
  }

  #neverAfterDeath(): Promise<never> {
    this.#die();
    return never();
  }

  #isKilled(index: number, when: Kill["when"]): boolean {
    return this.#kill?.at === index && this.#kill.when === when;
  }

  #count(kind: string, what: string): number {
    this.effects.push({
      kind,
      what: what.replace(/\s+/g, " ").trim().slice(0, 120),
      where: lineOfTask() || (callers.getStore() ?? ""),
    });
    return this.effects.length - 1;
  }
}

function never(): Promise<never> {
  return new Promise(() => {});
}

/** This package's own code: src/ or dist/. */
const ours = fileURLToPath(new URL("..", import.meta.url));

/** The line in the task's function that calls: behind our own frames, the outermost of what is neither ours nor a library's. */
function lineOfTask(): string {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 100;
  const stack = new Error().stack ?? "";
  Error.stackTraceLimit = stackTraceLimit;
  let found = "";
  for (const line of stack.split("\n").slice(1)) {
    const place = (/\(?((?:file:\/\/)?[^\s()]+:\d+:\d+)\)?$/.exec(line)?.[1] ?? "").replace(/^file:\/\//, "");
    if (place.startsWith(ours) && found !== "") break;
    if (isAbsolute(place) && !place.startsWith(ours) && !place.includes(`${sep}node_modules${sep}`)) found = place;
  }
  return found;
}
