import type { Duration } from "../contract/duration.ts";
import type { Schedule } from "../contract/schedule.ts";
import type { AnyRunnableTask } from "../contract/task.ts";

export interface WorkerOptions {
  /** What it runs. */
  readonly tasks: readonly AnyRunnableTask[];
  /** What is enqueued at the times of cron lines, while this release is the newest that is live. */
  readonly schedules?: readonly Schedule[];
  /** A `postgres://` URL. Default: `DATABASE_URL`, else an embedded Postgres under `.taskmaster/` of this folder. */
  readonly database?: string;
  /** The build that this program is. Default: `TASKMASTER_RELEASE`, else the git commit, else a hash of the contracts. */
  readonly release?: string;
  /** Attempts that run at once. Default 10. */
  readonly concurrency?: number;
  /** The queues that it works on. Default: all. */
  readonly queues?: readonly string[];
  /** How long an interruptible attempt has to stop by itself when the worker stops. Default `"5s"`. */
  readonly grace?: Duration;
  /** How long succeeded jobs stay visible. Jobs that have not succeeded stay until a person decides. Default `"7 days"`. */
  readonly keepSucceeded?: Duration;
  /** How long the worker may be silent before others take it for dead. Default `"20s"`, at least 2 s. */
  readonly lease?: Duration;
}
