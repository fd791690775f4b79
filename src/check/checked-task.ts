import type { Contract } from "../contract/contract.ts";
import { currentRevision, InvalidContractError } from "../contract/contract.ts";
import type { Execution } from "../contract/execution.ts";
import { type AnyTask, contractOf, executionOf, isRunnableTask } from "../contract/task.ts";
import { libraryVersion } from "./library-version.ts";
import type { LockedRevision, LockedTask, Lockfile } from "./lockfile.ts";
import { ordered } from "./schema-order.ts";

/** A task as the code has it. */
export interface CheckedTask {
  readonly contract: Contract;
  /** Absent where the code has the contract alone. */
  readonly execution?: Execution;
  /** What the lockfile should say of it. */
  readonly locked: LockedTask;
}

/**
 * The tasks of the code by name. A contract and the task that gives it its function are one.
 *
 * @throws {InvalidContractError} where two different tasks have one name
 * @throws {SchemaConversionError} where a schema cannot be written as JSON Schema
 */
export function checkedTasks(tasks: readonly AnyTask[]): Map<string, CheckedTask> {
  const byName = new Map<string, AnyTask>();
  for (const task of tasks) {
    const known = byName.get(task.name);
    if (known === undefined || (!isRunnableTask(known) && isRunnableTask(task))) byName.set(task.name, task);
    else if (isRunnableTask(known) && isRunnableTask(task) && executionOf(known) !== executionOf(task))
      throw new InvalidContractError(
        `Two tasks are named ${task.name}, so nobody could say which of them runs a job. Rename one of them.`,
      );
  }
  const sorted = [...byName].sort(([one], [other]) => (one < other ? -1 : 1));
  return new Map(sorted.map(([name, task]) => [name, checkedTask(task)]));
}

function checkedTask(task: AnyTask): CheckedTask {
  const contract = contractOf(task);
  const execution = isRunnableTask(task) ? executionOf(task) : undefined;
  return { contract, ...(execution && { execution }), locked: lockedTask(contract, execution) };
}

function lockedTask(contract: Contract, execution: Execution | undefined): LockedTask {
  const revisions = contract.revisions.map(({ number, downgrade, jsonSchema }): [string, LockedRevision] => [
    String(number),
    { ...(downgrade && { downgrade: true }), schema: ordered(jsonSchema()) },
  ]);
  return {
    ...(execution && { kind: execution.kind }),
    queue: contract.queue,
    ...(execution?.kind === "short" && { timeLimitMs: execution.timeLimitMs, afterCrash: execution.afterCrash }),
    ...(execution && { attempts: execution.attempts }),
    ...(contract.formerNames.length > 0 && { formerly: [...contract.formerNames].sort() }),
    ...(contract.retired && { retired: true }),
    library: currentRevision(contract).schema["~standard"].vendor,
    revisions: Object.fromEntries(revisions),
  };
}

/** The lockfile of the code. @param folder from where its schema libraries are found */
export function lockfileOf(tasks: ReadonlyMap<string, CheckedTask>, folder: string): Lockfile {
  const vendors = [...new Set([...tasks.values()].map(({ locked }) => locked.library))].sort();
  return {
    lockfile: 1,
    libraries: Object.fromEntries(vendors.map((vendor) => [vendor, libraryVersion(vendor, folder)])),
    tasks: Object.fromEntries([...tasks].map(([name, { locked }]) => [name, locked])),
  };
}
