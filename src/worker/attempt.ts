import { backoffMs } from "../contract/backoff.ts";
import { formatMilliseconds } from "../contract/duration.ts";
import { TaskmasterError } from "../contract/error.ts";
import { isNonRetryable } from "../contract/non-retryable.ts";
import { readPayload, UnreadablePayloadError } from "../contract/payload.ts";
import type { AttemptContext } from "../contract/task.ts";
import { publish } from "../engine/events.ts";
import { failureRecord } from "./failure-record.ts";
import type { HeldJob } from "./held-job.ts";
import type { Outcome } from "./settler.ts";

/**
 * One attempt: read the payload, run the function, say how it ended. Invariants:
 *
 * 1. The function never sees a payload that its schema has not accepted: what cannot be read is held, and costs no attempt.
 * 2. An attempt ends when its function has ended, whatever was signalled: nothing runs on beside its own retry.
 *    The one exception is an interruptible one whose worker leaves: `abandon` gives its job away after the grace time.
 * 3. An end that follows an interruption is a hand-back, and never a failure.
 */

/** Why `ctx.signal` of an interruptible attempt aborted. */
export class InterruptedError extends TaskmasterError {
  readonly code = "TASKMASTER_INTERRUPTED";
}

/** Why `ctx.signal` of a short attempt aborted. */
export class TimeLimitError extends TaskmasterError {
  readonly code = "TASKMASTER_TIME_LIMIT";
}

export interface AttemptHooks {
  /** The time limit has passed; the function may run on. */
  readonly onOverrun: (message: string) => void;
}

export class Attempt {
  readonly job: HeldJob;
  readonly startedAt = performance.now();
  /** Whether the database knows that it has started. */
  announced: boolean;
  overrun = false;
  /** Made when somebody asks for it: most functions never look at their signal, and it is the dearest part of an attempt. */
  #abort: AbortController | undefined;
  readonly #hooks: AttemptHooks;
  #interruption: InterruptedError | undefined;
  #onEnd: ((outcome: Outcome) => void) | undefined;

  constructor(job: HeldJob, announced: boolean, hooks: AttemptHooks) {
    this.job = job;
    this.announced = announced;
    this.#hooks = hooks;
  }

  get interruptible(): boolean {
    return this.job.task.execution.kind === "interruptible";
  }

  /** Runs to the end, and tells of it once. Never throws. */
  run(onEnd: (outcome: Outcome) => void): void {
    this.#onEnd = onEnd;
    void this.#run().then((outcome) => this.#end(outcome));
  }

  /** A function that ends after it was abandoned has nobody to tell. */
  #end(outcome: Outcome): void {
    const tell = this.#onEnd;
    this.#onEnd = undefined;
    tell?.(outcome);
  }

  /** Aborts when the function should stop. */
  get signal(): AbortSignal {
    return this.#abortion.signal;
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

  async #run(): Promise<Outcome> {
    const { contract, execution } = this.job.task;
    const limit = this.#startTimeLimit();
    try {
      const read = readPayload(contract, this.job.from.rendition, this.#storedPayload());
      const payload = read instanceof Promise ? await read : read; // nearly always at hand: no turn of the event loop for it
      publish({
        event: "job.started",
        job: this.job.id,
        task: contract.name,
        revision: this.job.from.rendition,
        delivery: this.job.delivery,
      });
      await execution.run(payload, new Context(this));
      return { end: "succeeded", ranMs: performance.now() - this.startedAt };
    } catch (error) {
      return this.#failed(error);
    } finally {
      clearTimeout(limit);
    }
  }

  #storedPayload(): unknown {
    const { from, payload, older } = this.job;
    return from.rendition === from.max ? payload : older?.[from.rendition];
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

  #startTimeLimit(): NodeJS.Timeout | undefined {
    const { contract, execution } = this.job.task;
    if (execution.kind !== "short") return;
    return setTimeout(() => {
      this.overrun = true;
      const message = `${contract.name} has run for longer than its time limit of ${formatMilliseconds(execution.timeLimitMs)}.`;
      this.#abortion.abort(new TimeLimitError(message));
      publish({ event: "job.overrun", job: this.job.id, task: contract.name, limitMs: execution.timeLimitMs });
      this.#hooks.onOverrun(message);
    }, execution.timeLimitMs);
  }

  get #abortion(): AbortController {
    this.#abort ??= new AbortController();
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
    this.enqueuedAt = new Date(enqueuedAt);
  }
}
