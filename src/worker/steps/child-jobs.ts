import type { Contract } from "../../contract/contract.ts";
import {
  assertPayloadSize,
  enqueueableContract,
  type Placement,
  type PlacementOptions,
  place,
} from "../../contract/enqueue.ts";
import { type StoredPayload, storePayload } from "../../contract/payload.ts";
import type { AnyTask } from "../../contract/task.ts";
import type { Database } from "../../engine/database.ts";
import type { KeyedJob, NewJob } from "../../engine/enqueue.ts";
import { JobNumbers } from "../../engine/job-numbers.ts";
import { LaneBook } from "../../engine/lanes.ts";

/** A child job, checked, to be written with its parent's completion. */
export interface Child {
  readonly task: AnyTask;
  readonly contract: Contract;
  readonly stored: StoredPayload;
  readonly placement: Placement;
}

/** @throws as an enqueue does */
export async function checkChild(task: AnyTask, payload: unknown, options: PlacementOptions): Promise<Child> {
  const contract = enqueueableContract(task);
  const placement = place(contract, options);
  const stored = await storePayload(contract, payload);
  assertPayloadSize(contract.name, stored.text);
  return { task, contract, stored, placement };
}

export interface ChildJobsOptions {
  readonly database: Database;
  /** Registers tasks that this worker enqueues and does not run. */
  readonly register: (tasks: readonly AnyTask[]) => Promise<void>;
}

/** Gives the child jobs of a worker's attempts their lanes and numbers. */
export class ChildJobs {
  readonly #options: ChildJobsOptions;
  readonly #lanes: LaneBook;
  readonly #numbers: JobNumbers;
  readonly #registered = new Set<Contract>();

  constructor(options: ChildJobsOptions) {
    this.#options = options;
    this.#lanes = new LaneBook(options.database);
    this.#numbers = new JobNumbers(options.database);
  }

  /** Jobs ready to be written. */
  async prepare(children: readonly Child[]): Promise<(NewJob | KeyedJob)[]> {
    await this.#register(children);
    const ids = await this.#numbers.take(children.length);
    const jobs: (NewJob | KeyedJob)[] = [];
    for (const [index, { contract, stored, placement }] of children.entries()) {
      const { queue, priority, runAt, key } = placement;
      const { min, max, text, olderText } = stored;
      const lane = await this.#lanes.idOf({ queue, task: contract.name, min, max, priority });
      const job = { id: ids[index] ?? "", lane, runAt, payload: text, older: olderText };
      jobs.push(key === undefined ? job : { ...job, task: contract.name, key });
    }
    return jobs;
  }

  async #register(children: readonly Child[]): Promise<void> {
    const unknown = new Map(
      children.filter(({ contract }) => !this.#registered.has(contract)).map(({ contract, task }) => [contract, task]),
    );
    if (unknown.size === 0) return;
    await this.#options.register([...unknown.values()]);
    for (const contract of unknown.keys()) this.#registered.add(contract);
  }
}
