import { assertName, type Contract, InvalidContractError, type Priority } from "../contract/contract.ts";
import { type Duration, toMilliseconds } from "../contract/duration.ts";
import { TaskmasterError } from "../contract/error.ts";
import type { Queryable } from "../engine/database.ts";

export interface EnqueueOptions {
  /** Not before this time. Default: at once. */
  readonly runAt?: Date;
  /** Not before this much from now; instead of `runAt`. */
  readonly delay?: Duration;
  /** Default: the task's. */
  readonly priority?: Priority;
  /** The queue that the job waits in. Default: the task's. */
  readonly queue?: string;
  /**
   * Makes the job the only unfinished one of its task with this key: while one waits, runs or is held, another enqueue
   * answers with that one's number. 1 to 512 characters.
   */
  readonly key?: string;
  /**
   * Writes the job through this connection, inside the transaction that it has open: a `pg` client, or anything with
   * `query(text, values)`. The job exists when the transaction commits.
   */
  readonly within?: Queryable;
}

/** Thrown where the options of an enqueue contradict themselves or make no sense. Nothing was enqueued. */
export class InvalidEnqueueError extends TaskmasterError {
  readonly code = "TASKMASTER_INVALID_ENQUEUE";
}

export interface Placement {
  readonly queue: string;
  readonly priority: Priority;
  readonly runAt: Date | null;
  readonly key: string | undefined;
}

const farthest = Date.UTC(9999, 0);

/** @throws {InvalidEnqueueError} */
export function place(contract: Contract, { runAt, delay, priority, queue, key }: EnqueueOptions): Placement {
  const refuse = (what: string) => new InvalidEnqueueError(`${contract.name} was not enqueued: ${what}`);
  if (runAt !== undefined && delay !== undefined) throw refuse("both runAt and delay are given; give one of them.");
  if (priority !== undefined && !["high", "normal", "low"].includes(priority))
    throw refuse(`priority is ${JSON.stringify(priority)}: write "high", "normal" or "low".`);
  if (
    key !== undefined &&
    (typeof key !== "string" || key.length < 1 || key.length > 512 || key.includes("\0") || !key.isWellFormed())
  )
    throw refuse("a key is a text of 1 to 512 characters, without NUL.");
  if (queue !== undefined) {
    try {
      assertName(queue, "queue");
    } catch (error) {
      throw error instanceof InvalidContractError ? refuse(error.message) : error;
    }
  }
  const at = delay === undefined ? runAt : new Date(Date.now() + toMilliseconds(delay, "delay"));
  if (at !== undefined && !(at instanceof Date && at.getTime() < farthest && at.getTime() > -farthest))
    throw refuse(
      `it would run at ${at instanceof Date ? "a time that is no time or after the year 9999" : JSON.stringify(at)}; runAt is a Date.`,
    );
  return { queue: queue ?? contract.queue, priority: priority ?? contract.priority, runAt: at ?? null, key };
}
