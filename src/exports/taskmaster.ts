/**
 * Taskmaster: tasks, their contracts, and enqueueing them.
 *
 * @example
 * import { task, Taskmaster } from "taskmaster";
 * import { z } from "zod";
 *
 * export const confirmUser = task("user.confirm")
 *   .payload(z.object({ id: z.number(), message: z.string() }))
 *   .short({ timeLimit: "30s" }, async ({ id, message }) => sendConfirmation(id, message));
 *
 * const taskmaster = new Taskmaster({ tasks: [confirmUser] });
 * await taskmaster.enqueue(confirmUser, { id: 42, message: "hello!" });
 *
 * @module
 */
export type { EnqueueOptions } from "../client/enqueue-options.ts";
export type { SignalOptions } from "../client/signal.ts";
export {
  type EnqueuedJob,
  Taskmaster,
  type TaskmasterOptions,
} from "../client/taskmaster.ts";
export type { Backoff } from "../contract/backoff.ts";
export { type Chain, chain, type ResultOf } from "../contract/chain.ts";
export type { Commit, CommitOptions, EnqueueChild } from "../contract/child.ts";
export { InvalidContractError, type Priority } from "../contract/contract.ts";
export { InvalidCronError } from "../contract/cron.ts";
export type { DeclaredRecord, DeclaredRecords } from "../contract/declared.ts";
export { type Duration, InvalidDurationError } from "../contract/duration.ts";
export {
  InvalidEnqueueError,
  PayloadTooLargeError,
  type PlacementOptions,
  TaskRetiredError,
} from "../contract/enqueue.ts";
export { TaskmasterError } from "../contract/error.ts";
export type { Sleep, WaitFor, WaitOptions } from "../contract/event.ts";
export type { ExecutionOptions, InterruptibleOptions, ShortOptions } from "../contract/execution.ts";
export type { Each, EachOptions, EachTransactionOptions, ResumableSource } from "../contract/iteration.ts";
export { NotJsonError } from "../contract/json-text.ts";
export { NonRetryableError } from "../contract/non-retryable.ts";
export { PayloadRefusedError } from "../contract/payload.ts";
export { InvalidQueueContractsError, type QueueContracts } from "../contract/queue-contracts.ts";
export { type Revised, revisions } from "../contract/recorded.ts";
export { type Schedule, schedule } from "../contract/schedule.ts";
export { NotASchemaError, type PayloadIssue, SchemaConversionError } from "../contract/schema.ts";
export type {
  PlainSql,
  RunStep,
  SqlTransaction,
  Step,
  StepOptions,
  TransactionSource,
  TransactionStepOptions,
} from "../contract/step.ts";
export {
  type AnyRunnableTask,
  type AnyTask,
  type InputOf,
  type InterruptibleContext,
  type OutputOf,
  type ShortContext,
  type Task,
  type TaskContract,
  type TaskOptions,
  task,
} from "../contract/task.ts";
export {
  EmbeddedElsewhereError,
  EmbeddedFolderError,
  EmbeddedMissingError,
  EmbeddedPlatformError,
  EmbeddedStartError,
  EmbeddedVersionError,
} from "../embedded/error.ts";
export { ContractContradictionError } from "../engine/contract-contradiction.ts";
export { DatabaseAddressError, DatabaseUnavailableError, SchemaVersionError } from "../engine/database-errors.ts";
export type { TaskmasterEvent } from "../engine/events.ts";
export type { Queryable } from "../engine/queryable.ts";
export { defineConfig, type TaskmasterConfig } from "../process/config.ts";
export { type KeysetOptions, keyset } from "../worker/steps/keyset.ts";
export { type Line, lines } from "../worker/steps/lines.ts";
