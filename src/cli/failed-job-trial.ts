import { DryRun, type LaneReader } from "../check/dry-run.ts";
import { revision } from "../contract/contract.ts";
import { contractFor, type QueueContracts } from "../contract/queue-contracts.ts";
import type { FailedJob } from "../fleets/failed-jobs.ts";
import { findContracts } from "./check-queues.ts";
import type { FoundConfig } from "./find-tasks.ts";

/** What a contract says of a job that is to be given back: why it would only fail again, or that nobody knows. */
export interface Outlook {
  readonly refused?: string;
  readonly isUndescribed?: boolean;
}

/** Tries the data of failed jobs by the contracts of existing queues, as `check --live` tries what is stored. */
export class FailedJobTrial {
  readonly #contracts: QueueContracts | undefined;
  readonly #readers = new Map<string, LaneReader | undefined>();

  private constructor(contracts: QueueContracts | undefined) {
    this.#contracts = contracts;
  }

  /** @param file as `--contracts` names it; false for `--no-contracts` */
  static async find(file: string | false | undefined, config: FoundConfig): Promise<FailedJobTrial> {
    if (file === false) return new FailedJobTrial(undefined);
    const found = await findContracts({ contracts: file }, config);
    return new FailedJobTrial(found?.contracts);
  }

  async outlookOf(job: FailedJob): Promise<Outlook> {
    if (this.#contracts === undefined) return {};
    const reader = this.#readerOf(this.#contracts, job);
    if (reader === undefined) return { isUndescribed: true };
    const run = new DryRun();
    await run.add(reader, [dataOf(job)], () => job.id);
    const [refused] = [...(run.counts[0]?.problems.keys() ?? [])];
    return refused === undefined ? {} : { refused };
  }

  #readerOf(contracts: QueueContracts, { queue, name }: FailedJob): LaneReader | undefined {
    const task = `${queue}/${name}`;
    if (!this.#readers.has(task)) {
      const schema = contractFor(contracts, queue, name);
      this.#readers.set(
        task,
        schema && {
          ...{ task, rendition: 1, max: 1 },
          contract: {
            ...{ name: task, formerNames: [], queue, priority: "normal", retired: false },
            revisions: [revision(task, { number: 1, schema })],
          },
        },
      );
    }
    return this.#readers.get(task);
  }
}

/** What is no JSON is nothing, which its contract will refuse. */
function dataOf({ data }: FailedJob): unknown {
  try {
    return JSON.parse(data());
  } catch {
    return undefined;
  }
}
