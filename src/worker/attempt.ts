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
  #abandon: ((outcome: Outcome) => void) | undefined;

  constructor(job: HeldJob, announced: boolean, hooks: AttemptHooks) {
    this.job = job;
    this.announced = announced;
    this.#hooks = hooks;
  }

  get interruptible(): boolean {
    return this.job.task.execution.kind === "interruptible";
  }

  /** Runs to the end. Never rejects. */
  async run(): Promise<Outcome> {
    const abandoned = new Promise<Outcome>((resolve) => {
      this.#abandon = resolve;
    });
    return Promise.race([this.#run(), abandoned]);
  }

  /** Asks the function to stop, by its signal: of an interruptible task, or of one that may run again. */
  interrupt(reason: string): void {
    if (this.#interruption) return;
    this.#interruption = new InterruptedError(reason);
    this.#abortion.abort(this.#interruption);
  }

  /** Gives an interruptible task's job back although its function has not ended. */
  abandon(): void {
    this.#abandon?.({ end: "released", interrupted: true });
  }

  async #run(): Promise<Outcome> {
    const { contract, execution } = this.job.task;
    const limit = this.#startTimeLimit();
    try {
      const payload = await readPayload(contract, this.job.from.rendition, this.#storedPayload());
      publish({
        event: "job.started",
        job: this.job.id,
        task: contract.name,
        revision: this.job.from.rendition,
        delivery: this.job.delivery,
      });
      await execution.run(payload, this.#context());
      return { end: "succeeded", ranMs: performance.now() - this.startedAt };
    } catch (error) {
      return this.#failed(error);
    } finally {
      clearTimeout(limit);
    }
  }

  #storedPayload(): unknown {
    const { from, payload, older } = this.job;
    if (from.rendition === from.max) return JSON.parse(payload);
    const renditions = JSON.parse(older ?? "{}") as Record<string, unknown>;
    return renditions[from.rendition];
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

  /** What the function gets beside its payload. */
  #context(): AttemptContext {
    const { job, startedAt } = this;
    const { execution, contract } = job.task;
    const signal = () => this.#abortion.signal;
    return {
      get signal() {
        return signal();
      },
      job: {
        id: job.id,
        task: contract.name,
        queue: job.from.queue,
        revision: job.from.max,
        attempt: job.failures + 1,
        delivery: job.delivery,
        get enqueuedAt() {
          return new Date(job.enqueuedAt);
        },
      },
      ...(execution.kind === "short" && {
        deadline: new Date(Date.now() + execution.timeLimitMs - (performance.now() - startedAt)),
      }),
    };
  }
}
