/**
 * Running tasks.
 *
 * @example
 * import { Worker } from "taskmaster/worker";
 * import { confirmUser } from "./tasks.ts";
 *
 * const worker = new Worker({ tasks: [confirmUser], concurrency: 20 });
 * await worker.start();
 * process.once("SIGTERM", () => worker.stop());
 *
 * @module
 */

export { CheckpointTooLargeError, ResultRefusedError } from "../contract/recorded-value.ts";
export type { StrandedLane } from "../engine/backlog.ts";
export { InterruptedError, TimeLimitError } from "../worker/attempt.ts";
export { JobHeldError, JobLostError } from "../worker/steps/attempt-host.ts";
export { CompletionError } from "../worker/steps/commit.ts";
export { StepNameError } from "../worker/steps/records.ts";
export { StepTimeLimitError } from "../worker/steps/step.ts";
export { SuspendedError } from "../worker/steps/suspension.ts";
export { Worker } from "../worker/worker.ts";
export type { WorkerOptions } from "../worker/worker-options.ts";
