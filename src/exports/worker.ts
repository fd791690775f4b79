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

export type { StrandedLane } from "../engine/backlog.ts";
export { InterruptedError, TimeLimitError } from "../worker/attempt.ts";
export { Worker, type WorkerOptions } from "../worker/worker.ts";
