import { type Contract, InvalidContractError, readable } from "../contract/contract.ts";
import type { Execution } from "../contract/execution.ts";
import type { Readable } from "../contract/range.ts";
import { type AnyTask, contractOf, executionOf, isRunnableTask, isTask } from "../contract/task.ts";

/** What a worker runs, by the names under which jobs may wait. */
export interface TaskEntry {
  readonly contract: Contract;
  readonly execution: Execution;
}

export class TaskTable {
  readonly #entries = new Map<string, TaskEntry>();

  /** @throws {InvalidContractError} where two tasks answer to one name, or one has no function */
  constructor(tasks: readonly AnyTask[]) {
    for (const task of tasks) {
      if (!isTask(task)) throw new InvalidContractError("Among the tasks of this worker is something that is no task.");
      if (!isRunnableTask(task))
        throw new InvalidContractError(
          `${task.name} has no function, so a worker cannot run it: end its chain with .short(…) or .interruptible(…).`,
        );
      const entry = { contract: contractOf(task), execution: executionOf(task) };
      for (const name of [entry.contract.name, ...entry.contract.formerNames]) this.#add(name, entry);
    }
  }

  #add(name: string, entry: TaskEntry): void {
    const other = this.#entries.get(name);
    if (other !== undefined && other.contract !== entry.contract)
      throw new InvalidContractError(
        `Two tasks answer to the name ${name}: ${other.contract.name} and ${entry.contract.name}. Every name, also one in .formerly(), belongs to one task.`,
      );
    this.#entries.set(name, entry);
  }

  get(name: string): TaskEntry | undefined {
    return this.#entries.get(name);
  }

  /** Every name that a task answers to. */
  get names(): string[] {
    return [...this.#entries.keys()];
  }

  /** What this worker reads of the jobs under a name. */
  reads = (name: string): Readable | undefined => {
    const entry = this.#entries.get(name);
    return entry && readable(entry.contract);
  };
}
