import type { CommitOptions } from "../../contract/child.ts";
import type { Duration } from "../../contract/duration.ts";
import type { PlacementOptions } from "../../contract/enqueue.ts";
import type { WaitOptions } from "../../contract/event.ts";
import type { Each, EachOptions, EachTransactionOptions } from "../../contract/iteration.ts";
import type { PayloadSchema } from "../../contract/schema.ts";
import type { RunStep, Step, StepOptions, TransactionStepOptions } from "../../contract/step.ts";
import type { AnyTask } from "../../contract/task.ts";
import type { Database } from "../../engine/database.ts";
import type { KeyedJob, NewJob } from "../../engine/enqueue.ts";
import type { TaskTransactions } from "../../engine/task-transactions.ts";
import type { AttemptHost } from "./attempt-host.ts";
import type { Checkpoints } from "./checkpoints.ts";
import { type Child, type ChildJobs, checkChild } from "./child-jobs.ts";
import { CompletionError, commit } from "./commit.ts";
import type { Source } from "./cursor.ts";
import { Iteration } from "./each.ts";
import { eachTransaction } from "./each-transaction.ts";
import { Progress, type Told } from "./progress.ts";
import { Records } from "./records.ts";
import { sleep } from "./sleep.ts";
import { runStep, stepSettings } from "./step.ts";
import { Suspension } from "./suspension.ts";
import { runTransactionStep, transactionsOf } from "./transaction-step.ts";
import { waitFor } from "./wait.ts";

/** What the steps of all attempts of a worker share. */
export interface StepResources {
  readonly checkpoints: Checkpoints;
  readonly transactions: TaskTransactions;
  readonly childJobs: ChildJobs;
  readonly database: Database;
}

/** The steps of one attempt, as its context offers them. Made when the task asks for the first of them. */
export class AttemptSteps {
  readonly #records: Records;
  readonly #resources: StepResources;
  readonly #startedAt: number;
  readonly #children: Child[] = [];
  #step: RunStep | undefined;
  #each: Each | undefined;
  #progress: Progress | undefined;
  #suspension: Suspension | undefined;

  constructor(host: AttemptHost, resources: StepResources, startedAt: number) {
    this.#records = new Records(host, resources.checkpoints);
    this.#resources = resources;
    this.#startedAt = startedAt;
  }

  /** `ctx.step` */
  get step(): RunStep {
    this.#step ??= this.#makeStep();
    return this.#step;
  }

  /** `ctx.each` */
  get each(): Each {
    this.#each ??= this.#makeEach();
    return this.#each;
  }

  /** `ctx.sleep` */
  readonly sleep = (name: string, duration: Duration): Promise<void> =>
    this.#records.duringCall(() => sleep(this.#suspending, name, duration));

  /** `ctx.waitFor` */
  readonly waitFor = (event: string, options?: WaitOptions): Promise<unknown> =>
    this.#records.duringCall(() => waitFor(this.#suspending, event, options));

  get #suspending(): Suspension {
    this.#suspension ??= new Suspension(this.#records);
    return this.#suspension;
  }

  /** `ctx.enqueue` */
  readonly enqueue = async (task: AnyTask, payload: unknown, options: PlacementOptions = {}): Promise<void> => {
    this.#records.assertGoingOn();
    await this.#records.settleIterations();
    this.#assertOutside("ctx.enqueue");
    this.#children.push(await this.#records.during(() => checkChild(task, payload, options)));
  };

  /** `ctx.commit` */
  readonly commit = async (...rest: unknown[]): Promise<void> => {
    this.#records.assertGoingOn();
    await this.#records.settleIterations();
    this.#assertOutside("ctx.commit");
    const { task } = this.#records.host.job;
    if (task.execution.next)
      throw new CompletionError(
        `${task.contract.name} is a link of a chain: ctx.commit would end it before what it answers is passed on to ${task.execution.next.name}. Use ctx.step.tx.`,
      );
    const [options, run] = optionsAndRun<CommitOptions<never>, (tx: never) => unknown>(rest, "ctx.commit(…)");
    const { transactions, childJobs, database } = this.#resources;
    const parts = { records: this.#records, children: this.#children, childJobs, database, startedAt: this.#startedAt };
    const open = transactionsOf(options?.in, transactions, "ctx.commit");
    await this.#records.during(() => commit(parts, open, run));
  };

  /** A step or an item that is recorded is not run again, and what it did beside its record would be lost. @throws {CompletionError} */
  #assertOutside(call: string): void {
    if (!this.#records.within) return;
    const { id, task } = this.#records.host.job;
    throw new CompletionError(
      `${task.contract.name} calls ${call} within a step or a loop of ctx.each (job ${id}): a later attempt does not run that part again, and would miss it. ` +
        "Call it outside; or enqueue in the transaction of the step: ctx.step.tx or ctx.each.tx, with taskmaster.enqueue(task, payload, { within: tx }).",
    );
  }

  /** The children of an attempt that has succeeded, ready to be written; undefined where there are none. */
  async takeChildren(): Promise<(NewJob | KeyedJob)[] | undefined> {
    return this.#children.length > 0 ? this.#resources.childJobs.prepare(this.#children) : undefined;
  }

  /** `ctx.heartbeat` and `ctx.progress` */
  get progress(): Progress {
    this.#progress ??= new Progress();
    return this.#progress;
  }

  /** What the task has told of itself. */
  get told(): Told | undefined {
    return this.#progress?.told;
  }

  #makeStep(): RunStep {
    const records = this.#records;
    const step = (name: string, ...rest: unknown[]) =>
      records.duringStep(async () => {
        const [options, run] = optionsAndRun<StepOptions & { schema?: PayloadSchema }, (step: Step) => unknown>(
          rest,
          `ctx.step("${name}", …)`,
        );
        return runStep(records, name, stepSettings(name, options, records.declared(name)), run);
      });
    const tx = (name: string, ...rest: unknown[]) =>
      records.duringStep(async () => {
        const [options, run] = optionsAndRun<TransactionStepOptions<never>, (tx: never, step: Step) => unknown>(
          rest,
          `ctx.step.tx("${name}", …)`,
        );
        const open = transactionsOf(options?.in, this.#resources.transactions, `step "${name}"`);
        return runTransactionStep(records, name, stepSettings(name, options, records.declared(name)), open, run);
      });
    return Object.assign(step, { tx }) as unknown as RunStep;
  }

  #makeEach(): Each {
    const records = this.#records;
    const each = (name: string, source: Source, options?: EachOptions) => new Iteration(records, name, source, options);
    const tx = (name: string, source: Source, ...rest: unknown[]) =>
      records.duringStep(async () => {
        const [options, run] = optionsAndRun<
          EachTransactionOptions<never>,
          (tx: never, items: readonly unknown[]) => unknown
        >(rest, `ctx.each.tx("${name}", …)`);
        const open = transactionsOf(options?.in, this.#resources.transactions, `"${name}"`);
        return eachTransaction(records, name, source, options ?? {}, open, run);
      });
    return Object.assign(each, { tx }) as unknown as Each;
  }

  /** Resolves when nothing of it is running any more. */
  settled(): Promise<void> {
    return this.#records.settled();
  }

  /** Whether something was not begun because the attempt was to stop: then the task is not done, whatever its function answers. */
  get cutShort(): boolean {
    return this.#records.cutShort;
  }

  /** Whether something is, or may be, recorded of the job. */
  get used(): boolean {
    return this.#records.any;
  }

  tellUnused(): void {
    this.#records.tellUnused();
  }
}

function optionsAndRun<Options, Run>(rest: readonly unknown[], call: string): [options: Options | undefined, run: Run] {
  const [options, run] = rest.length > 1 ? rest : [undefined, rest[0]];
  if (typeof run !== "function") throw new TypeError(`${call} has no function as its last argument.`);
  return [options as Options | undefined, run as Run];
}
