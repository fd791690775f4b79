import { AsyncLocalStorage } from "node:async_hooks";
import { forgetCauses, lineOfTask } from "./lines.ts";
import { type SeenList, seenList } from "./seen-list.ts";

/**
 * One run of a task whose effects are counted, and which may be killed at one of them. Invariants:
 *
 * 1. A killed run never settles: whatever it waits for stays pending, because a thrown error could be caught.
 * 2. Nothing that a killed run does afterwards happens.
 * 3. What an effect does inside itself is part of it, and not counted.
 * 4. An effect is known by what it does, and not by its place: what runs beside each other ends in any order.
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

/** An effect as a run has had it. */
export interface TracedEffect extends Effect {
  /** The same in every run: what it does, without what is random in it, and the how-manieth of these it is. */
  readonly key: string;
  /** Whether nothing else was going on beside it: then its place in the order is the task's doing. */
  readonly alone: boolean;
}

/** Where a run is killed: right before an effect, or right after: done, and its reply lost. */
export interface Kill {
  readonly key: string;
  readonly when: "before" | "after";
}

/** Thrown by a synchronous effect of a killed run, which cannot stay pending. */
class KilledError extends Error {
  override readonly name = "KilledError";
}

/** Something that takes its time, and what it is part of. */
interface Span {
  readonly within: Span | undefined;
  /** Whether anything went on beside it. */
  shared: boolean;
}

const runs = new AsyncLocalStorage<TrackedRun | undefined>();
const spans = new AsyncLocalStorage<Span | undefined>();
/** Where the task has called a library that forgets its callers. */
const callers = new AsyncLocalStorage<string>();

export class TrackedRun {
  readonly #effects: { readonly effect: Effect; readonly key: string; readonly span: Span }[] = [];
  readonly #kill: Kill | undefined;
  /** How many there were of each kind, in this attempt and those before it. */
  readonly #counts: Map<string, number>;
  readonly #onKill: (() => void)[] = [];
  readonly #open = new Set<Span>();
  readonly lists: SeenList[] = [];
  #dead = false;
  #dying = false;

  constructor(kill?: Kill, counts = new Map<string, number>()) {
    this.#kill = kill;
    this.#counts = counts;
    forgetCauses();
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

  get effects(): TracedEffect[] {
    return this.#effects.map(({ effect, key, span }) => ({ ...effect, key, alone: isAlone(span) }));
  }

  /** Notes a list that the task begins to go through. */
  goesThrough(name: string, source: unknown): void {
    if (!this.#dead && Array.isArray(source)) this.lists.push(seenList(name, source, lineOfTask()));
  }

  /** A callback that belongs to what runs now, whoever calls it. */
  bind(callback: (...args: unknown[]) => void): (...args: unknown[]) => void {
    const span = spans.getStore();
    return (...args) => runs.run(this, () => spans.run(span, () => callback(...args)));
  }

  get dead(): boolean {
    return this.#dead;
  }

  /** Called once, when the run is killed; at once where it is dead already. */
  onKill(tell: () => void): void {
    if (this.#dead) tell();
    else this.#onKill.push(tell);
  }

  #die(): void {
    if (this.#dead) return;
    this.#dead = true;
    for (const tell of this.#onKill.splice(0)) tell();
  }

  /** Counts an effect, and does it unless the run is killed. */
  async effect<T>(kind: string, what: string, perform: () => Promise<T>): Promise<T> {
    const end = this.begin(kind, what);
    if (end === undefined) return never();
    try {
      return await TrackedRun.outside(perform);
    } finally {
      if (!end()) await never();
    }
  }

  effectSync<T>(kind: string, what: string, perform: () => T): T {
    const end = this.begin(kind, what);
    if (end === undefined) throw new KilledError(what);
    try {
      return TrackedRun.outside(perform);
    } finally {
      // biome-ignore lint/correctness/noUnsafeFinally: the reply is lost, whatever it was
      if (!end()) throw new KilledError(what);
    }
  }

  /**
   * Begins an effect; `undefined` where it must not be done. What is answered is called at its end, and says whether its reply
   * may be heard.
   */
  begin(kind: string, what: string, line?: string): (() => boolean) | undefined {
    // What begins while the effect to die after is on its way might as well not have begun: so that only that one is judged.
    if (this.#dead || this.#dying) return undefined;
    const text = what.replace(/\s+/g, " ").trim();
    const name = `${kind} ${deliberate.has(kind) ? text : text.replace(random, "#")}`;
    const count = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, count);
    const key = `${name} ${count}`;
    const span = this.#enter();
    const where = kind === "end" ? "" : line || lineOfTask() || (callers.getStore() ?? "");
    this.#effects.push({ effect: { kind, what: text.slice(0, 120), where }, key, span });
    const dies = (when: Kill["when"]) => this.#kill?.key === key && this.#kill.when === when;
    if (dies("before")) {
      this.#die();
      return undefined;
    }
    this.#dying = dies("after");
    return () => {
      this.#open.delete(span);
      if (dies("after")) this.#die();
      return !this.#dead;
    };
  }

  /** Something that the run waits for and that is no effect: stays pending once the run is dead. */
  async wait<T>(perform: () => Promise<T>): Promise<T> {
    if (this.#dead) return never();
    const span = this.#enter();
    try {
      return await spans.run(span, perform);
    } finally {
      this.#open.delete(span);
      if (this.#dead) await never();
    }
  }

  #enter(): Span {
    const within = spans.getStore();
    const mine = new Set<Span>();
    for (let at = within; at !== undefined; at = at.within) mine.add(at);
    const span: Span = { within, shared: false };
    for (const other of this.#open)
      if (!mine.has(other)) {
        other.shared = true;
        span.shared = true;
      }
    this.#open.add(span);
    return span;
  }
}

/** UUIDs, hashes and long numbers: they may be another each time without meaning another effect. */
const random = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b[0-9a-f]{12,}\b|\d{5,}|\b0\.\d{6,}\b/gi;

/** What the task has named itself: a random name is its doing. */
const deliberate = new Set(["step", "enqueue", "end"]);

function isAlone(span: Span): boolean {
  for (let at: Span | undefined = span; at !== undefined; at = at.within) if (at.shared) return false;
  return true;
}

export function never(): Promise<never> {
  return new Promise(() => {});
}
