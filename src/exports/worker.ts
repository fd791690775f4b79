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
export { InterruptedError, TimeLimitError } from "../worker/attempt.ts";
export { JobHeldError, JobLostError } from "../worker/steps/attempt-host.ts";
export { CheckpointTooLargeError, ResultRefusedError } from "../worker/steps/recorded-value.ts";
export { StepNameError } from "../worker/steps/records.ts";
export { StepTimeLimitError } from "../worker/steps/step.ts";
export { Worker, type WorkerOptions } from "../worker/worker.ts";
