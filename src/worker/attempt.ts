import { backoffMs } from "../contract/backoff.ts";
import { formatMilliseconds } from "../contract/duration.ts";
import { TaskmasterError } from "../contract/error.ts";
import { isNonRetryable } from "../contract/non-retryable.ts";
import { readPayload, UnreadablePayloadError } from "../contract/payload.ts";
import type { AnyTask, AttemptContext } from "../contract/task.ts";
import { DatabaseUnavailableError, isTransient } from "../engine/database-errors.ts";
import { isHeard, publish } from "../engine/events.ts";
import { toDate } from "../engine/instant.ts";
import { failureRecord } from "./failure-record.ts";
import type { HeldJob } from "./held-job.ts";
import type { Outcome } from "./settler.ts";
import type { AttemptHost } from "./steps/attempt-host.ts";
import { AttemptSteps, type StepResources } from "./steps/attempt-steps.ts";
import { checkChild } from "./steps/child-jobs.ts";
import type { Told } from "./steps/progress.ts";
import type { StrayWatch } from "./stray-watch.ts";

/**
 * One attempt: read the payload, run the function, say how it ended. Invariants:
 *
 * 1. The function never sees a payload that its schema has not accepted: what cannot be read is held, and costs no attempt.
 * 2. An attempt ends when its function has ended, whatever was signalled: nothing runs on beside its own retry.
 *    The one exception is an interruptible one whose worker leaves: `abandon` gives its job away after the grace time.
 * 3. An end that follows an interruption is a hand-back, and never a failure.
 * 4. What steps decide (the job is held, sleeps, is another's) is how the attempt ends, whatever its function makes of it.
 */

/** Why `ctx.signal` of an interruptible attempt aborted. */
export class InterruptedError extends TaskmasterError {
  readonly code = "TASKMASTER_INTERRUPTED";
}

/** Why `ctx.signal` of a short attempt aborted. */
export class TimeLimitError extends TaskmasterError {
  readonly code = "TASKMASTER_TIME_LIMIT";
}

/** The same for all attempts: a function made for each would cost as much as the attempt of one that does nothing. */
export interface AttemptHooks {
  /** The time limit has passed; the function may run on. */
  readonly onOverrun: (job: HeldJob, message: string) => void;
  readonly steps: StepResources;
  /** Absent where nobody asks. */
  readonly strays?: StrayWatch;
}

export class Attempt implements AttemptHost {
  readonly job: HeldJob;
  readonly startedAt = performance.now();
  /** Whether the database knows that it has started. */
  announced: boolean;
  overrun = false;
  /** Its place among those that run (slots.ts). */
  slot = -1;
  /** Made when somebody asks for it: most functions never look at their signal, and it is the dearest part of an attempt. */
  #abort: AbortController | undefined;
  readonly #hooks: AttemptHooks;
  /** Of a short task. */
  #limit: NodeJS.Timeout | undefined;
  #interruption: InterruptedError | undefined;
  /** Made with the first step. */
  #steps: AttemptSteps | undefined;
  #decision: { readonly outcome: Outcome; readonly reason: Error } | undefined;
  #onEnd: ((attempt: Attempt, outcome: Outcome) => void) | undefined;

  constructor(job: HeldJob, announced: boolean, hooks: AttemptHooks) {
    this.job = job;
    this.announced = announced;
    this.#hooks = hooks;
  }

  get interruptible(): boolean {
    return this.job.task.execution.kind === "interruptible";
  }

  /** Runs to the end, and tells of it once. Never throws. */
  run(onEnd: (attempt: Attempt, outcome: Outcome) => void): void {
    this.#onEnd = onEnd;
    void this.#run();
  }

  /** Ends when all has ended that the function began, whether it waited for it or not. */
  async #endAfter(steps: AttemptSteps, outcome: Outcome): Promise<void> {
    await steps.settled();
    if (this.#decision) this.#end(this.#decision.outcome);
    else if (this.#interruption && steps.cutShort) this.#end({ end: "released", interrupted: true });
    else if (outcome.end === "succeeded") {
      steps.tellUnused();
      // Their lanes and numbers take the database: where it does not answer, the attempt has failed.
      this.#end(
        await steps.takeChildren().then(
          (children) => {
            const all = [...(outcome.children ?? []), ...(children ?? [])];
            return { ...outcome, recorded: steps.used, ...(all.length > 0 && { children: all }) };
          },
          (error: unknown) => this.#failed(error),
        ),
      );
    } else this.#end(outcome);
  }

  /** A function that ends after it was abandoned has nobody to tell. */
  #end(outcome: Outcome): void {
    const tell = this.#onEnd;
    this.#onEnd = undefined;
    tell?.(this, outcome);
  }

  /** Aborts when the function should stop. */
  get signal(): AbortSignal {
    return this.#abortion.signal;
  }

  /** Of an interruptible task. */
  get steps(): AttemptSteps | undefined {
    if (!this.interruptible) return undefined;
    this.#steps ??= new AttemptSteps(this, this.#hooks.steps, this.startedAt);
    return this.#steps;
  }

  /** What the task has told of itself. */
  get told(): Told | undefined {
    return this.#steps?.told;
  }

  get stopped(): Error | undefined {
    return this.#decision?.reason ?? this.#interruption;
  }

  decide(outcome: Outcome, reason: Error): void {
    if (this.#decision) return;
    this.#decision = { outcome, reason };
    this.#abort?.abort(reason);
  }

  /** Asks the function to stop, by its signal: of an interruptible task, or of one that may run again. */
  interrupt(reason: string): void {
    if (this.#interruption) return;
    this.#interruption = new InterruptedError(reason);
    this.#abortion.abort(this.#interruption);
  }

  /** Gives an interruptible task's job back although its function has not ended. */
  abandon(): void {
    this.#end({ end: "released", interrupted: true });
  }

  /** Nearly every job comes through here alone: what is seldom wanted stands elsewhere, because an asynchronous function pays for all that it names. */
  async #run(): Promise<void> {
    let outcome: Outcome;
    try {
      const result = await this.#begin();
      outcome = { end: "succeeded", ranMs: performance.now() - this.startedAt };
      const { next } = this.job.task.execution;
      if (next !== undefined) outcome = await this.#passOn(next, result, outcome);
    } catch (error) {
      outcome = this.#failed(error);
    }
    clearTimeout(this.#limit);
    if (this.#steps === undefined) this.#end(outcome);
    else void this.#endAfter(this.#steps, outcome);
  }

  /** Reads the payload and calls the function. Throws, or answers with a promise that rejects. */
  #begin(): unknown {
    const { task, from } = this.job;
    if (task.execution.kind === "short") this.#limit = this.#startTimeLimit(task.execution.timeLimitMs);
    const payload = readPayload(task.contract, from.rendition, this.#storedPayload());
    // Nearly always it is at hand: no turn of the event loop for it.
    return payload instanceof Promise ? payload.then((read) => this.#call(read)) : this.#call(payload);
  }

  #call(payload: unknown): unknown {
    if (isHeard()) this.#tellStart();
    const { contract, execution } = this.job.task;
    const { strays } = this.#hooks;
    const isWatched = strays !== undefined && execution.kind === "interruptible" && strays.isDue(contract.name);
    return isWatched ? this.#watch(strays, payload) : execution.run(payload, new Context(this));
  }

  #tellStart(): void {
    const { id: job, delivery, from, task } = this.job;
    publish({ event: "job.started", job, task: task.contract.name, revision: from.rendition, delivery });
  }

  #watch(strays: StrayWatch, payload: unknown): Promise<unknown> {
    const { contract, execution } = this.job.task;
    return strays.watch(contract.name, this.job.id, () => execution.run(payload, new Context(this)));
  }

  /** Of a link of a chain: the next one is enqueued with its completion. A result that it does not take holds the job: the work is done. */
  async #passOn(next: AnyTask, result: unknown, ended: Outcome): Promise<Outcome> {
    try {
      const child = await checkChild(next, result, {});
      const jobs = await this.#hooks.steps.childJobs.prepare([child]);
      const children = jobs.map((job) => ({ ...job, follows: this.job.id }));
      return { ...ended, children } as Outcome;
    } catch (error) {
      if (isTransient(error) || error instanceof DatabaseUnavailableError) throw error;
      const why = error instanceof Error ? error.message : String(error);
      const detail = `What it answered cannot be passed on to ${next.name}: ${why}`;
      return { end: "parked", state: "held", reason: "unrecordable-result", detail };
    }
  }

  #storedPayload(): unknown {
    const { job } = this;
    const { from } = job;
    return from.rendition === from.max ? job.readPayload() : job.older?.[from.rendition];
  }

  #failed(error: unknown): Outcome {
    const { execution } = this.job.task;
    if (error instanceof UnreadablePayloadError)
      return { end: "parked", state: "held", reason: "unreadable-payload", detail: error.message };
    if (this.#interruption) return { end: "released", interrupted: true };
    const failure = failureRecord(error, this.overrun ? "overrun" : "error");
    const failures = this.job.failures + 1;
    if (isNonRetryable(error))
      return { end: "parked", state: "failed", reason: "non-retryable", detail: failure.message, failure };
    if (failures >= execution.attempts)
      return { end: "parked", state: "failed", reason: "attempts-exhausted", detail: failure.message, failure };
    return { end: "retry", waitMs: backoffMs(execution.backoff, failures), failure };
  }

  #startTimeLimit(limitMs: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.overrun = true;
      const task = this.job.task.contract.name;
      const message = `${task} has run for longer than its time limit of ${formatMilliseconds(limitMs)}.`;
      this.#abortion.abort(new TimeLimitError(message));
      publish({ event: "job.overrun", job: this.job.id, task, limitMs });
      this.#hooks.onOverrun(this.job, message);
    }, limitMs);
  }

  get #abortion(): AbortController {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#decision) this.#abort.abort(this.#decision.reason);
    }
    return this.#abort;
  }
}

/** What the function gets beside its payload. Most functions look at little of it, so that all of it is made when asked for. */
class Context implements AttemptContext {
  readonly #attempt: Attempt;
  #job: JobInfo | undefined;
  #deadline: Date | undefined;

  constructor(attempt: Attempt) {
    this.#attempt = attempt;
  }

  get signal(): AbortSignal {
    return this.#attempt.signal;
  }

  get step() {
    return this.#attempt.steps?.step;
  }

  get each() {
    return this.#attempt.steps?.each;
  }

  get sleep() {
    return this.#attempt.steps?.sleep;
  }

  get waitFor() {
    return this.#attempt.steps?.waitFor;
  }

  get enqueue() {
    return this.#attempt.steps?.enqueue;
  }

  get commit() {
    return this.#attempt.steps?.commit;
  }

  get heartbeat() {
    return this.#attempt.steps?.progress.heartbeat;
  }

  get progress() {
    return this.#attempt.steps?.progress.progress;
  }

  get job(): JobInfo {
    this.#job ??= new JobInfo(this.#attempt.job);
    return this.#job;
  }

  /** Of a short task. */
  get deadline(): Date | undefined {
    const { job, startedAt } = this.#attempt;
    const { execution } = job.task;
    if (execution.kind !== "short") return undefined;
    this.#deadline ??= new Date(Date.now() + execution.timeLimitMs - (performance.now() - startedAt));
    return this.#deadline;
  }
}

class JobInfo {
  readonly id: string;
  readonly task: string;
  readonly queue: string;
  readonly revision: number;
  readonly attempt: number;
  readonly delivery: number;
  readonly enqueuedAt: Date;

  constructor({ id, task, from, failures, delivery, enqueuedAt }: HeldJob) {
    this.id = id;
    this.task = task.contract.name;
    this.queue = from.queue;
    this.revision = from.max;
    this.attempt = failures + 1;
    this.delivery = delivery;
    this.enqueuedAt = toDate(enqueuedAt);
  }
}
