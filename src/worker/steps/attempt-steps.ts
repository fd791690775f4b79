import type { Duration } from "../../contract/duration.ts";
import type { WaitOptions } from "../../contract/event.ts";
import type { Each, EachOptions, EachTransactionOptions } from "../../contract/iteration.ts";
import type { PayloadSchema } from "../../contract/schema.ts";
import type { RunStep, Step, StepOptions, TransactionStepOptions } from "../../contract/step.ts";
import type { TaskTransactions } from "../../engine/task-transactions.ts";
import type { AttemptHost } from "./attempt-host.ts";
import type { Checkpoints } from "./checkpoints.ts";
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
}

/** The steps of one attempt, as its context offers them. Made when the task asks for the first of them. */
export class AttemptSteps {
  readonly #records: Records;
  readonly #transactions: TaskTransactions;
  #step: RunStep | undefined;
  #each: Each | undefined;
  #progress: Progress | undefined;
  #suspension: Suspension | undefined;

  constructor(host: AttemptHost, { checkpoints, transactions }: StepResources) {
    this.#records = new Records(host, checkpoints);
    this.#transactions = transactions;
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
    this.#records.during(() => sleep(this.#suspending, name, duration));

  /** `ctx.waitFor` */
  readonly waitFor = (event: string, options?: WaitOptions): Promise<unknown> =>
    this.#records.during(() => waitFor(this.#suspending, event, options));

  get #suspending(): Suspension {
    this.#suspension ??= new Suspension(this.#records);
    return this.#suspension;
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
      records.during(async () => {
        const [options, run] = optionsAndRun<StepOptions & { schema?: PayloadSchema }, (step: Step) => unknown>(
          rest,
          `ctx.step("${name}", …)`,
        );
        return runStep(records, name, stepSettings(name, options), run);
      });
    const tx = (name: string, ...rest: unknown[]) =>
      records.during(async () => {
        const [options, run] = optionsAndRun<TransactionStepOptions<never>, (tx: never, step: Step) => unknown>(
          rest,
          `ctx.step.tx("${name}", …)`,
        );
        const open = transactionsOf(options?.in, this.#transactions, `step "${name}"`);
        return runTransactionStep(records, name, stepSettings(name, options), open, run);
      });
    return Object.assign(step, { tx }) as unknown as RunStep;
  }

  #makeEach(): Each {
    const records = this.#records;
    const each = (name: string, source: Source, options?: EachOptions) => new Iteration(records, name, source, options);
    const tx = (name: string, source: Source, ...rest: unknown[]) =>
      records.during(async () => {
        const [options, run] = optionsAndRun<
          EachTransactionOptions<never>,
          (tx: never, items: readonly unknown[]) => unknown
        >(rest, `ctx.each.tx("${name}", …)`);
        const open = transactionsOf(options?.in, this.#transactions, `"${name}"`);
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
