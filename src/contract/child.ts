import type { PlacementOptions } from "./enqueue.ts";
import type { SqlTransaction, TransactionSource } from "./step.ts";
import type { AnyTask, Enqueueable, InputOf } from "./task.ts";

/** What is written with a job's completion, as types. */

/** `ctx.enqueue` */
export type EnqueueChild =
  /**
   * Enqueues a job that is written with the completion of this one, in one transaction: an attempt that fails, is interrupted or dies
   * leaves no children. Resolves when the payload has been checked.
   *
   * @throws {CompletionError} within a step or a loop of `ctx.each`, which a later attempt does not run again
   * @throws {PayloadRefusedError}
   * @throws {NotJsonError}
   * @throws {PayloadTooLargeError}
   * @throws {TaskRetiredError}
   */
  <T extends AnyTask>(task: T & Enqueueable<T>, payload: InputOf<T>, options?: PlacementOptions) => Promise<void>;

export interface CommitOptions<Tx> {
  /** Whose transaction it is. Default: the worker's own. */
  readonly in?: TransactionSource<Tx>;
}

/** `ctx.commit` */
export interface Commit {
  /**
   * Makes the task's own writes, its children and its completion one transaction: all of it, or nothing. It is the task's last call: when it
   * resolves, the job has succeeded, whatever the function does then.
   *
   * @throws {CompletionError} within a step or a loop of `ctx.each`
   * @throws {JobLostError} where the job is another worker's by now: nothing was committed
   */
  (run: (tx: SqlTransaction) => unknown): Promise<void>;
  <Tx = SqlTransaction>(options: CommitOptions<Tx>, run: (tx: Tx) => unknown): Promise<void>;
}
