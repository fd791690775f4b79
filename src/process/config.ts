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
