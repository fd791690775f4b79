import { createHash } from "node:crypto";
import type { FoundRecord } from "../../contract/declared.ts";
import { TaskmasterError } from "../../contract/error.ts";
import type { FoundCheckpoint, HeldCheckpoint } from "../../engine/checkpoint.ts";
import type { FoundEvent } from "../../engine/event.ts";
import { publish } from "../../engine/events.ts";
import { toDate, toTimestamp } from "../../engine/instant.ts";
import { type AttemptHost, hold, lose } from "./attempt-host.ts";
import type { Checkpoints } from "./checkpoints.ts";

/**
 * What one attempt of a job has recorded and finds recorded. Invariants:
 *
 * 1. A name stands for one thing within an attempt.
 * 2. Nothing begins after the attempt's end was decided, or after it was told to stop.
 * 3. Nothing of the database is asked on a job's first delivery: there cannot be a record of it.
 */

/** Thrown where a name is used twice within an attempt, or is no name. */
export class StepNameError extends TaskmasterError {
  readonly code = "TASKMASTER_STEP_NAME";
}

const longestName = 200;

/** An iteration that may have ended without having been looked at. */
export interface OpenIteration {
  settle(): Promise<void>;
  /** The attempt is to stop. */
  alert(): void;
}

export class Records {
  readonly host: AttemptHost;
  readonly #checkpoints: Checkpoints;
  readonly #used = new Set<string>();
  #found: Map<string, FoundCheckpoint> | Promise<Map<string, FoundCheckpoint>> | undefined;
  #cutShort = false;
  readonly #iterations = new Set<OpenIteration>();
  #steps = 0;
  #running = 0;
  #idle: (() => void)[] = [];

  constructor(host: AttemptHost, checkpoints: Checkpoints) {
    this.host = host;
    this.#checkpoints = checkpoints;
  }

  /** Whether anything of this job is, or may be, recorded. */
  get any(): boolean {
    return this.#used.size > 0;
  }

  /** Whether something was not begun because the attempt was to stop. */
  get cutShort(): boolean {
    return this.#cutShort;
  }

  /** @throws the reason why nothing more may begin */
  assertGoingOn(): void {
    if (this.host.stopped === undefined) return;
    this.#cutShort = true;
    throw this.host.stopped;
  }

  /** Takes a name. @throws {StepNameError} */
  name(name: string, what: string): void {
    const { task } = this.host.job;
    if (
      typeof name !== "string" ||
      name.length < 1 ||
      name.length > longestName ||
      name.includes("\0") ||
      !name.isWellFormed()
    )
      throw new StepNameError(
        `${JSON.stringify(name)} is no name for ${what} of ${task.contract.name}: a name has 1 to ${longestName} characters.`,
      );
    if (this.#used.has(name))
      throw new StepNameError(
        `${task.contract.name} has used the name ${JSON.stringify(name)} before in this attempt of job ${this.host.job.id}, so a rerun could not tell the two apart. ` +
          'In a loop, let ctx.each go through the items; where there are few, put the item into the name, such as "mail 4711".',
      );
    this.#used.add(name);
  }

  /** What an earlier attempt has recorded under a name, or under one that it had before. */
  async find(name: string, formerly: readonly string[] = []): Promise<FoundCheckpoint | undefined> {
    const found = await this.#load();
    for (const each of [name, ...formerly]) {
      const checkpoint = found.get(each);
      if (checkpoint === undefined) continue;
      this.#used.add(each);
      return checkpoint;
    }
    return undefined;
  }

  #load(): Map<string, FoundCheckpoint> | Promise<Map<string, FoundCheckpoint>> {
    if (this.#found) return this.#found;
    const { job } = this.host;
    if (job.delivery === 1) this.#found = new Map();
    else {
      const loading = this.#checkpoints.load(job.id);
      loading.then(
        (found) => {
          this.#found = found;
        },
        () => {
          this.#found = undefined; // asked again by the next
        },
      );
      this.#found = loading;
    }
    return this.#found;
  }

  /** What is recorded of steps that may run once, and that this attempt has not come to. */
  async unclaimedOnce(): Promise<string[]> {
    const found = await this.#load();
    return [...found.values()]
      .filter(({ name, kind }) => (kind === "once" || kind === "begun") && !this.#used.has(name))
      .map(({ name }) => name);
  }

  /** The first event of a name after the last one that this job has waited for. */
  findEvent(name: string, after: string): Promise<FoundEvent | undefined> {
    return this.#checkpoints.findEvent(name, after, toTimestamp(this.host.job.enqueuedAt));
  }

  /** What the task declares of a name. */
  declared(name: string): FoundRecord | undefined {
    const { execution } = this.host.job.task;
    return execution.kind === "interruptible" ? execution.recorded?.find(name) : undefined;
  }

  /** Writes one. @throws {JobLostError} */
  async write(checkpoint: Omit<HeldCheckpoint, "holder">): Promise<void> {
    const kept = await this.#checkpoints.write({ ...checkpoint, holder: this.host.job });
    if (!kept) throw lose(this.host, `"${checkpoint.name}"`);
  }

  /** What is recorded just now, where a write's fate is not known. */
  async look(name: string): Promise<FoundCheckpoint | undefined> {
    return (await this.#checkpoints.load(this.host.job.id)).get(name);
  }

  /** For third parties, the same in every attempt: of the job's number and time, because numbers alone begin anew in another database. */
  keyOf(name: string): string {
    const { id, enqueuedAt } = this.host.job;
    const hash = createHash("sha256")
      .update(`${toDate(enqueuedAt).getTime()}\n${id}\n${name}`)
      .digest("hex");
    const variant = ((Number.parseInt(hash.charAt(16), 16) & 3) | 8).toString(16);
    return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-8${hash.slice(13, 16)}-${variant}${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
  }

  /** For errors: `the result of step "quote" of order.price`. */
  describe(what: string): string {
    return `${what} of ${this.host.job.task.contract.name}`;
  }

  hold(reason: string, detail: string, cause?: unknown): Error {
    return hold(this.host, reason, detail, cause);
  }

  /** An iteration that the attempt is in the middle of. */
  opened(iteration: OpenIteration): void {
    if (this.#iterations.size === 0) this.host.signal.addEventListener("abort", this.#alert);
    this.#iterations.add(iteration);
  }

  closed(iteration: OpenIteration): void {
    this.#iterations.delete(iteration);
    if (this.#iterations.size === 0) this.host.signal.removeEventListener("abort", this.#alert);
  }

  /** One listener for all: of more than ten Node warns as of a leak. */
  readonly #alert = (): void => {
    for (const iteration of this.#iterations) iteration.alert();
  };

  /** Ends the iterations whose sources have ended. */
  async settleIterations(): Promise<void> {
    for (const iteration of this.#iterations) await iteration.settle();
  }

  /** Whether a step or an iteration is going on, of which a later attempt will not run the same part again. */
  get within(): boolean {
    return this.#iterations.size > 0 || this.#steps > 0;
  }

  /** Counts something as running, until it has ended: an attempt ends after all that it began. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#running++;
    try {
      return await work();
    } finally {
      this.#running--;
      if (this.#running === 0) for (const tell of this.#idle.splice(0)) tell();
    }
  }

  /** The same of what the task calls: iterations whose sources have ended come to their end before it. */
  duringCall<T>(work: () => Promise<T>): Promise<T> {
    return this.during(async () => {
      if (this.#iterations.size > 0) await this.settleIterations();
      return work();
    });
  }

  /** The same of a step. */
  duringStep<T>(work: () => Promise<T>): Promise<T> {
    return this.duringCall(async () => {
      this.#steps++;
      try {
        return await work();
      } finally {
        this.#steps--;
      }
    });
  }

  /** Resolves when nothing that the attempt began is running. */
  async settled(): Promise<void> {
    await this.settleIterations().catch(() => {}); // the attempt's end is decided already, by whom it was lost to
    while (this.#running > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Tells of what is recorded and was not asked for, after an attempt has succeeded: renamed or removed steps. */
  tellUnused(): void {
    if (!(this.#found instanceof Map)) return;
    const names = [...this.#found.keys()].filter((name) => !this.#used.has(name));
    const { job } = this.host;
    if (names.length > 0) publish({ event: "checkpoint.unused", job: job.id, task: job.task.contract.name, names });
  }
}
