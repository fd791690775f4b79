import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Backoff } from "./backoff.ts";
import type { Duration } from "./duration.ts";
import type { JsonProblem } from "./json-type.ts";

/** What an interruptible task's function does through its context, as types: the worker has the code. */

/** What the function of a step is told. */
export interface Step {
  /**
   * The same for every run of this step of this job, and of no other: 36 characters in the form of a UUID. Send it as the
   * idempotency key of a third party.
   */
  readonly key: string;
  /** Aborts when the step should stop: its attempt was interrupted, or its time limit has passed. */
  readonly signal: AbortSignal;
  /** 1 for the first try within this attempt of the job. */
  readonly attempt: number;
}

export interface StepOptions {
  /** How often it is tried within one attempt of the job. Default 1: what it throws is the task's. */
  readonly attempts?: number;
  /** Between its tries. Default as of a task: from 2 s on, doubled, an hour at most. */
  readonly backoff?: Backoff;
  /** After this, `step.signal` aborts, and the step fails when its function has ended. Default: none. */
  readonly timeLimit?: Duration;
  /**
   * It may begin only once: where its function threw, or its worker died in the middle, the job is held, and a person decides.
   * Costs a second checkpoint. Default: a step that did not end is run again.
   */
  readonly once?: boolean;
  /** Names that the step had in older releases, the newest first: what is recorded under them is its result, and `step.key` stays that of the oldest. */
  readonly formerly?: string | readonly string[];
}

/** The result that a step answers with, run or recorded; a sentence of the compiler where it could not be recorded. */
export type StepResult<Result> = [JsonProblem<Result>] extends [never]
  ? Result
  : { readonly "not JSON": JsonProblem<Result> };

/** `ctx.step` */
export interface RunStep {
  /**
   * Runs a function once, as far as the job is concerned: its result is recorded, and a later attempt is answered from the record.
   *
   * @param name its own within the task; 1 to 200 characters
   * @returns the result as JSON gives it back: a copy, without properties that are `undefined`
   * @throws {StepNameError} where the name was used before in this attempt; in a loop, use `ctx.each`
   * @throws {InterruptedError} where the attempt is to stop
   * @throws {StepTimeLimitError} where `timeLimit` has passed
   * @throws {JobLostError} where the job has been given to another worker
   * @throws whatever the function throws, after its last try
   */
  <Result>(name: string, run: (step: Step) => Result | Promise<Result>): Promise<StepResult<Result>>;
  <Schema extends StandardSchemaV1>(
    name: string,
    options: StepOptions & { readonly schema: Schema },
    run: (step: Step) => StandardSchemaV1.InferInput<Schema> | Promise<StandardSchemaV1.InferInput<Schema>>,
  ): Promise<StandardSchemaV1.InferOutput<Schema>>;
  <Result>(
    name: string,
    options: StepOptions,
    run: (step: Step) => Result | Promise<Result>,
  ): Promise<StepResult<Result>>;

  /**
   * A step whose effects in the database and whose checkpoint are one transaction: done and recorded, or neither.
   * Without `in`, on a connection of the worker's own to its database.
   */
  readonly tx: RunTransactionStep;
}

/** `ctx.step.tx` */
export interface RunTransactionStep {
  <Result>(
    name: string,
    run: (tx: SqlTransaction, step: Step) => Result | Promise<Result>,
  ): Promise<StepResult<Result>>;
  <Result, Tx = SqlTransaction>(
    name: string,
    options: TransactionStepOptions<Tx>,
    run: (tx: Tx, step: Step) => Result | Promise<Result>,
  ): Promise<StepResult<Result>>;
}

export interface TransactionStepOptions<Tx> extends Omit<StepOptions, "once"> {
  /** Whose transaction it is. Default: the worker's own. */
  readonly in?: TransactionSource<Tx>;
}

/** A transaction on a connection of `pg`. */
export interface SqlTransaction {
  query<Row = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
  ): Promise<{ readonly rows: Row[]; readonly rowCount: number | null }>;
}

/**
 * How your own library runs a transaction, on the database that Taskmaster's tables are in.
 *
 * @example
 * const inDrizzle: TransactionSource<DrizzleTx> = {
 *   transaction: (work) => db.transaction((tx) => work(tx, throughDrizzle(tx))),
 * };
 */
export interface TransactionSource<Tx> {
  /** Calls `work` within one transaction: commits when it resolves, and rolls back when it rejects. */
  transaction<T>(work: (tx: Tx, within: PlainSql) => Promise<T>): Promise<T>;
}

/** Whatever can run a text of SQL with numbered parameters. */
export interface PlainSql {
  query(text: string, values: unknown[]): Promise<{ rows: unknown[] }>;
}
