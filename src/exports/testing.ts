/**
 * For tests: a queue that runs when the test says so, and the proof that a task may be interrupted anywhere.
 *
 * @example
 * import { interruptAnywhere } from "taskmaster/testing";
 *
 * await interruptAnywhere(rebuildIndex, { tenant: "acme" }, {
 *   reset: () => pool.query("truncate documents_index"),
 *   snapshot: async () => (await pool.query("select * from documents_index order by id")).rows,
 * });
 *
 * @module
 */
export {
  type InterruptOptions,
  type InterruptReport,
  interruptAnywhere,
} from "../testing/interrupt-anywhere.ts";
export { type DrainedAttempt, type TestJob, TestQueue, type TestQueueOptions } from "../testing/test-queue.ts";
export type { Effect } from "../testing/tracked-run.ts";
export { UnsafeTaskError, UnstableTaskError } from "../testing/unsafe-task.ts";
