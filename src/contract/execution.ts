import { type Backoff, type BackoffMs, toBackoffMs } from "./backoff.ts";
import { InvalidContractError } from "./contract.ts";
import { Declared, type DeclaredRecords } from "./declared.ts";
import { type Duration, formatMilliseconds, toMilliseconds } from "./duration.ts";
import type { AnyTask } from "./task.ts";

/** How a task runs: the half of it that only a worker needs. */
export type Execution = ShortExecution | InterruptibleExecution;

interface AnyExecution {
  /** How many attempts may fail before the job is failed. Interruptions, hand-backs and deploys never count. */
  readonly attempts: number;
  readonly backoff: BackoffMs;
  /** Of a link of a chain: the task whose payload is what this one answers. */
  readonly next?: AnyTask;
  /** Runs one attempt: the payload has been upgraded and validated. */
  readonly run: (payload: unknown, context: unknown) => unknown;
}

/** May not be interrupted. */
export interface ShortExecution extends AnyExecution {
  readonly kind: "short";
  readonly timeLimitMs: number;
  /** What happens to its job when the worker dies in the middle: a person decides, or it runs again. */
  readonly afterCrash: "hold" | "retry";
}

/** May be stopped at any point and simply run again. */
export interface InterruptibleExecution extends AnyExecution {
  readonly kind: "interruptible";
  /** What it says of what it records, where it says something. */
  readonly recorded?: Declared;
}

export interface ExecutionOptions {
  /** How many attempts may fail before the job is failed. Default 10. */
  readonly attempts?: number;
  readonly backoff?: Backoff;
}

export interface InterruptibleOptions extends ExecutionOptions {
  /**
   * What steps and iterations record, by their names: schemas, which they take where they have none of their own, and former names. What is
   * declared here `taskmaster check --live` holds against what production has recorded, before a deploy.
   */
  readonly recorded?: DeclaredRecords;
}

export interface ShortOptions extends ExecutionOptions {
  /** After this, `ctx.signal` aborts and the attempt is recorded as overrun. A minute at most. Default `"30s"`. */
  readonly timeLimit?: Duration;
  /**
   * What happens to a job whose worker died while it ran: `"hold"` (the default) leaves it to a person, because nobody
   * knows how far it came; `"retry"` runs it again, for a function that may safely run twice.
   */
  readonly afterCrash?: "hold" | "retry";
}

const longestShortMs = 60_000;
const defaultAttempts = 10;

export function shortExecution(task: string, options: ShortOptions, run: AnyExecution["run"]): ShortExecution {
  const { timeLimit = "30s", afterCrash = "hold" } = options;
  const timeLimitMs = toMilliseconds(timeLimit, `timeLimit of ${task}`);
  if (timeLimitMs < 1 || timeLimitMs > longestShortMs)
    throw new InvalidContractError(
      `${task} is a short task with a time limit of ${formatMilliseconds(timeLimitMs)}; a deploy waits for short tasks, so a minute is the most. ` +
        "Make it .interruptible(), or split it into shorter ones.",
    );
  if (afterCrash !== "hold" && afterCrash !== "retry")
    throw new InvalidContractError(`afterCrash of ${task} is ${JSON.stringify(afterCrash)}: write "hold" or "retry".`);
  return { kind: "short", timeLimitMs, afterCrash, run, ...retrying(task, options) };
}

export function interruptibleExecution(
  task: string,
  options: InterruptibleOptions,
  run: AnyExecution["run"],
): InterruptibleExecution {
  const { recorded } = options;
  return {
    kind: "interruptible",
    run,
    ...(recorded && { recorded: new Declared(task, recorded) }),
    ...retrying(task, options),
  };
}

function retrying(task: string, { attempts = defaultAttempts, backoff }: ExecutionOptions) {
  if (!Number.isInteger(attempts) || attempts < 1 || attempts > 1_000)
    throw new InvalidContractError(`attempts of ${task} is ${attempts}: write a whole number from 1 to 1000.`);
  return { attempts, backoff: toBackoffMs(backoff) };
}

/** Whether an attempt whose worker died may simply run again. */
export function rerunnable(execution: Execution): boolean {
  return execution.kind === "interruptible" || execution.afterCrash === "retry";
}
