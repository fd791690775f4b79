import type { StandardSchemaV1 } from "@standard-schema/spec";
import { stepsBeforePayload } from "./chain-order.ts";
import type { Commit, EnqueueChild } from "./child.ts";
import {
  assertName,
  type Contract,
  type Conversion,
  currentRevision,
  InvalidContractError,
  type Priority,
  type Revision,
  type RevisionParts,
  revision,
} from "./contract.ts";
import type { Sleep, WaitFor } from "./event.ts";
import {
  type Execution,
  type InterruptibleOptions,
  interruptibleExecution,
  type ShortOptions,
  shortExecution,
} from "./execution.ts";
import type { Each } from "./iteration.ts";
import type { JsonProblem } from "./json-type.ts";
import { assertSchema, type InferInput, type InferOutput } from "./schema.ts";
import type { RunStep } from "./step.ts";

/**
 * The chain in which a task is written: `task(name).payload(…).revise(…).short(…)`. Every call gives a new value, so a
 * contract can stand in a file of its own, for the web server that only enqueues, and get its function in another.
 */

/** The key under which a task carries its data; registered, so that two copies of this package understand each other. */
const contractKey: unique symbol = Symbol.for("taskmaster.contract") as never;
const executionKey: unique symbol = Symbol.for("taskmaster.execution") as never;

export interface TaskOptions {
  /** The queue that its jobs wait in. Default `"default"`. */
  readonly queue?: string;
  /** Default `"normal"`. */
  readonly priority?: Priority;
}

/** A task with a name and no payload yet. */
export interface TaskName {
  /**
   * The payload's first revision, described by any Standard Schema.
   *
   * @param options.revision the number of the chain's first revision, where older ones have drained and were dropped. Default 1.
   */
  payload<Schema extends StandardSchemaV1>(
    schema: Schema & JsonOnly<Schema>,
    options?: { readonly revision?: number },
  ): TaskContract<InferInput<Schema>, InferOutput<Schema>>;
}

/** What a task promises: enough to enqueue it. */
export interface TaskContract<Input = never, Output = unknown, Retired extends boolean = boolean> {
  readonly name: string;
  readonly [contractKey]: Contract;
  /** Carries the types alone; never there at run time. */
  readonly "~types"?: { readonly input: (payload: Input) => void; readonly output: Output; readonly retired: Retired };

  /**
   * The payload's next revision. `upgrade` lets this release read what an older one wrote; `downgrade` lets an older
   * release run what this one writes, at once, instead of waiting for a worker of this one.
   */
  revise<Schema extends StandardSchemaV1>(
    schema: Schema & JsonOnly<Schema>,
    conversions: {
      readonly upgrade: (older: Input) => InferInput<Schema> | Promise<InferInput<Schema>>;
      readonly downgrade?: (newer: InferInput<Schema>) => Input | Promise<Input>;
    },
  ): TaskContract<InferInput<Schema>, InferOutput<Schema>, Retired>;

  /** Names that the task had before: jobs that wait under them are run by this one. */
  formerly(...names: [string, ...string[]]): TaskContract<Input, Output, Retired>;

  /** About to be deleted: it can no longer be enqueued, and still runs what is left. */
  retired(): TaskContract<Input, Output, true>;

  /** May not be interrupted: a deploy waits for it, and its time limit is a minute at most. */
  short<Result>(run: TaskFunction<Output, ShortContext, Result>): Task<Input, Output, Retired, Awaited<Result>>;
  short<Result>(
    options: ShortOptions,
    run: TaskFunction<Output, ShortContext, Result>,
  ): Task<Input, Output, Retired, Awaited<Result>>;

  /** May be stopped at any point and simply run again. */
  interruptible<Result>(
    run: TaskFunction<Output, InterruptibleContext, Result>,
  ): Task<Input, Output, Retired, Awaited<Result>>;
  interruptible<Result>(
    options: InterruptibleOptions,
    run: TaskFunction<Output, InterruptibleContext, Result>,
  ): Task<Input, Output, Retired, Awaited<Result>>;
}

/** A contract and the function that runs it. */
export interface Task<Input = never, Output = unknown, Retired extends boolean = boolean, Result = unknown>
  extends Pick<TaskContract<Input, Output, Retired>, "name" | typeof contractKey | "~types"> {
  readonly [executionKey]: Execution;
  /** Carries the type alone; never there at run time. */
  readonly "~result"?: Result;
  formerly(...names: [string, ...string[]]): Task<Input, Output, Retired, Result>;
  retired(): Task<Input, Output, true, Result>;
}

/** Whatever has a contract: a contract alone, or a whole task. */
export interface AnyTask {
  readonly name: string;
  readonly [contractKey]: Contract;
}

/** Any task that a worker can run. */
export interface AnyRunnableTask extends AnyTask {
  readonly [executionKey]: Execution;
}

export type TaskFunction<Payload, Context, Result = unknown> = (payload: Payload, context: Context) => Result;

/** What a task's function is told of the attempt it is. */
export interface AttemptContext {
  /** Aborts when the function should stop: its time limit has passed, or (an interruptible one) its worker shuts down. */
  readonly signal: AbortSignal;
  readonly job: {
    /** A decimal number as text: job numbers may pass 2^53. */
    readonly id: string;
    readonly task: string;
    readonly queue: string;
    /** The revision that the payload was stored in. */
    readonly revision: number;
    /** 1 for the first attempt; interruptions and hand-backs do not count. */
    readonly attempt: number;
    /** How often the job was handed to a worker, this time included. */
    readonly delivery: number;
    readonly enqueuedAt: Date;
  };
}

export interface ShortContext extends AttemptContext {
  /** When the time limit will have passed. */
  readonly deadline: Date;
}

export interface InterruptibleContext extends AttemptContext {
  /** Runs a function once, as far as the job is concerned: a later attempt is answered from its record. */
  readonly step: RunStep;
  /** Goes through items, and goes on from there in a later attempt. */
  readonly each: Each;
  /** Gives the slot back, and goes on after a time, perhaps on another worker. */
  readonly sleep: Sleep;
  /** Gives the slot back, and goes on when an event has happened: `taskmaster.signal(event, payload)`. */
  readonly waitFor: WaitFor;
  /** Enqueues a job that is written with the completion of this one. */
  readonly enqueue: EnqueueChild;
  /** Makes the task's own writes, its children and its completion one transaction. The last call of a task. */
  readonly commit: Commit;
  /** Tells people that it is at work: the time shows on `taskmaster status`. Costs nothing, call it as often as you like. */
  readonly heartbeat: () => void;
  /**
   * Tells people how far it is; shows on `taskmaster status` with the worker's next heartbeat, within 5 s.
   *
   * @param fraction from 0 to 1
   * @param note where it is, 200 characters at most
   */
  readonly progress: (fraction: number, note?: string) => void;
}

/** A sentence of the compiler where a payload's type is not JSON. */
type JsonOnly<Schema extends StandardSchemaV1> = [JsonProblem<InferInput<Schema>>] extends [never]
  ? unknown
  : { readonly "not JSON": JsonProblem<InferInput<Schema>> };

/** The payload that an enqueue of a task takes. */
export type InputOf<T> = T extends { readonly "~types"?: { readonly input: (payload: infer Input) => void } }
  ? Input
  : never;

/** The payload that a task's function gets. */
export type OutputOf<T> = T extends { readonly "~types"?: { readonly output: infer Output } } ? Output : never;

/** A task that may be enqueued; for a retired one the compiler says why not. */
export type Enqueueable<T> = T extends { readonly "~types"?: { readonly retired: infer Retired } }
  ? [Retired] extends [true]
    ? "This task is retired: it runs what is left, and can no longer be enqueued."
    : T
  : T;

/**
 * Begins a task.
 *
 * @example
 * export const confirmUser = task("user.confirm")
 *   .payload(z.object({ id: z.number(), message: z.string() }))
 *   .short({ timeLimit: "30s" }, async ({ id, message }) => { … });
 *
 * @throws {InvalidContractError} where the name could not be a name
 */
export function task(name: string, options: TaskOptions = {}): TaskName {
  assertName(name, "task");
  const { queue = "default", priority = "normal" } = options;
  assertName(queue, "queue");
  if (!["high", "normal", "low"].includes(priority))
    throw new InvalidContractError(
      `The priority of ${name} is ${JSON.stringify(priority)}: write "high", "normal" or "low".`,
    );
  return {
    ...stepsBeforePayload(name),
    payload(schema: StandardSchemaV1, { revision: first = 1 }: { readonly revision?: number } = {}) {
      if (!Number.isInteger(first) || first < 1 || first > lastRevision)
        throw new InvalidContractError(
          `The first revision of ${name} is ${first}: write a whole number from 1 to ${lastRevision}.`,
        );
      const revisions: [Revision] = [checkedRevision(name, { number: first, schema })];
      return contractValue({ name, formerNames: [], queue, priority, retired: false, revisions }) as never;
    },
  };
}

function contractValue(contract: Contract): TaskContract<unknown, unknown> {
  return {
    name: contract.name,
    [contractKey]: contract,
    revise(schema, { upgrade, downgrade }) {
      const number = currentRevision(contract).number + 1;
      if (typeof upgrade !== "function")
        throw new InvalidContractError(
          `Revision ${number} of ${contract.name} has no upgrade, so the jobs of revision ${number - 1} could not be read: ` +
            ".revise(schema, { upgrade: (older) => ({ ...older, … }) }).",
        );
      if (downgrade !== undefined && typeof downgrade !== "function")
        throw new InvalidContractError(
          `The downgrade of revision ${number} of ${contract.name} is no function: write downgrade: (newer) => …, or leave it out.`,
        );
      const next = checkedRevision(contract.name, {
        number,
        schema,
        upgrade: upgrade as Conversion,
        downgrade: downgrade as Conversion | undefined,
      });
      return contractValue({ ...contract, revisions: [...contract.revisions, next] }) as never;
    },
    formerly: (...names) => contractValue(renamed(contract, names)),
    retired: () => contractValue({ ...contract, retired: true }) as never,
    short: (...args: unknown[]) => {
      const [options, run] = optionsAndRun(contract.name, "short", args);
      return taskValue(contract, shortExecution(contract.name, options, run));
    },
    interruptible: (...args: unknown[]) => {
      const [options, run] = optionsAndRun(contract.name, "interruptible", args);
      return taskValue(contract, interruptibleExecution(contract.name, options, run));
    },
  };
}

/** A task of a contract and an execution that are checked already. */
export function taskValue(contract: Contract, execution: Execution): Task<unknown, unknown, boolean, never> {
  return {
    name: contract.name,
    [contractKey]: contract,
    [executionKey]: execution,
    formerly: (...names) => taskValue(renamed(contract, names), execution),
    retired: () => taskValue({ ...contract, retired: true }, execution) as never,
  };
}

/** The database keeps revisions as small integers. */
const lastRevision = 32_767;

function checkedRevision(name: string, parts: RevisionParts): Revision {
  if (parts.number > lastRevision)
    throw new InvalidContractError(
      `Revision ${parts.number} of ${name} is beyond ${lastRevision}, which is the last there can be.`,
    );
  assertSchema(parts.schema, `Revision ${parts.number} of ${name}`);
  return revision(name, parts);
}

function renamed(contract: Contract, names: readonly string[]): Contract {
  for (const name of names) {
    assertName(name, "task");
    if (name === contract.name)
      throw new InvalidContractError(`${name} is formerly itself: .formerly() takes the names that it had before.`);
  }
  return { ...contract, formerNames: [...new Set([...contract.formerNames, ...names])] };
}

function optionsAndRun(name: string, kind: string, args: readonly unknown[]): [ShortOptions, Execution["run"]] {
  const [options, run] = args.length > 1 ? args : [{}, args[0]];
  if (typeof run !== "function" || typeof options !== "object" || options === null)
    throw new InvalidContractError(`${name} has no function: .${kind}({ … options }, async (payload, ctx) => { … }).`);
  return [options, run as Execution["run"]];
}

export function contractOf(task: AnyTask): Contract {
  return task[contractKey];
}

export function executionOf(task: AnyRunnableTask): Execution {
  return task[executionKey];
}

/** Whether a value is a contract or a task of ours. */
export function isTask(value: unknown): value is AnyTask {
  return typeof value === "object" && value !== null && contractKey in value;
}

/** Whether a value is a task with its function. */
export function isRunnableTask(value: unknown): value is AnyRunnableTask {
  return isTask(value) && executionKey in value;
}
