import type { QueueContracts } from "../contract/queue-contracts.ts";

/** What `taskmaster.config.ts` says: where the tasks and the database are. Command-line options go before it. */
export interface TaskmasterConfig {
  /** A `postgres://` URL. Default: `DATABASE_URL`, else an embedded Postgres under `.taskmaster/`. */
  readonly database?: string;
  /** Files or folders of tasks and schedules, relative to the config file. */
  readonly tasks?: string | readonly string[];
  /** Default: `TASKMASTER_RELEASE`, else the git commit, else a hash of the contracts. */
  readonly release?: string;
  /** The queues that `taskmaster work` works on. Default: all. */
  readonly queues?: readonly string[];
  /** Attempts that one worker runs at once. Default 10. */
  readonly concurrency?: number;
  /** Existing queues that `taskmaster deploy` closes too, as `--fleet` takes them: `celery=amqp://user:password@host/vhost`. */
  readonly fleets?: readonly string[];
  /** Tasks of those queues that may be stopped anywhere, by their names there. */
  readonly interruptible?: readonly string[];
  /** Tasks of those queues that must not be cut off, whatever their queue says of them. */
  readonly short?: readonly string[];
  /** What the jobs of those queues hold, by queue and job, for `taskmaster check --live`: `{ emails: { confirm: z.object({ … }) } }`. */
  readonly contracts?: QueueContracts;
}

/**
 * Types a config file.
 *
 * @example
 * // taskmaster.config.ts
 * import { defineConfig } from "taskmaster";
 * export default defineConfig({ tasks: "src/tasks" });
 */
export function defineConfig(config: TaskmasterConfig): TaskmasterConfig {
  return config;
}
