import { assertName, type Contract, InvalidContractError, type Priority } from "./contract.ts";
import { type Duration, toMilliseconds } from "./duration.ts";
import { TaskmasterError } from "./error.ts";
import { type AnyTask, contractOf, isTask } from "./task.ts";

/** What an enqueue checks before anything is written. */

/** Where and when a job waits. */
export interface PlacementOptions {
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
export function place(contract: Contract, { runAt, delay, priority, queue, key }: PlacementOptions): Placement {
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

/** Thrown by an enqueue of a retired task. Nothing was enqueued. */
export class TaskRetiredError extends TaskmasterError {
  readonly code = "TASKMASTER_TASK_RETIRED";
}

/** Thrown by an enqueue whose payload is larger than `maxPayloadBytes`. Nothing was enqueued. */
export class PayloadTooLargeError extends TaskmasterError {
  readonly code = "TASKMASTER_PAYLOAD_TOO_LARGE";
  readonly bytes: number;

  constructor(task: string, bytes: number, limit: number) {
    super(
      `The payload of ${task} is ${bytes.toLocaleString("en")} bytes of JSON; the limit is ${limit.toLocaleString("en")}. Nothing was enqueued. ` +
        "Store the data elsewhere and enqueue its address, or raise maxPayloadBytes.",
    );
    this.bytes = bytes;
  }
}

/** The contract of a task that may be enqueued. @throws {InvalidEnqueueError} @throws {TaskRetiredError} */
export function enqueueableContract(task: AnyTask): Contract {
  if (!isTask(task))
    throw new InvalidEnqueueError(
      "The first argument of enqueue is no task. Pass what task(name).payload(…) gave you.",
    );
  const contract = contractOf(task);
  if (contract.retired)
    throw new TaskRetiredError(`${contract.name} is retired: it runs what is left, and can no longer be enqueued.`);
  return contract;
}

const utf8 = new TextEncoder();

/** @throws {PayloadTooLargeError} */
export function assertPayloadSize(task: string, text: string, limit = 1_000_000): void {
  if (text.length * 3 <= limit) return; // cannot be larger than three bytes a character
  const bytes = utf8.encode(text).length;
  if (bytes > limit) throw new PayloadTooLargeError(task, bytes, limit);
}
