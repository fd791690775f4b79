import { type Contract, revision } from "../contract/contract.ts";
import { contractFor, type QueueContracts } from "../contract/queue-contracts.ts";
import type { PayloadSchema } from "../contract/schema.ts";
import type { StoredJob, StoredJobs } from "../fleets/stored-jobs.ts";
import type { Progress } from "./backlog.ts";
import { count } from "./conditions.ts";
import { DryRun, type LaneReader } from "./dry-run.ts";
import type { Finding } from "./finding.ts";

/** What the contracts of an existing queue made of everything that it has not done yet. */
export interface QueueBacklogReport {
  readonly findings: readonly Finding[];
  /** Those that there are. */
  readonly queues: readonly string[];
  /** Jobs whose data was tried. */
  readonly jobs: number;
}

export interface QueueBacklogOptions {
  readonly stored: StoredJobs;
  readonly contracts: QueueContracts;
  readonly tell?: (progress: Progress) => void;
}

/** Runs the data of every stored job through the contract of its queue and name. It reads, and changes nothing. */
export async function checkQueueBacklog(options: QueueBacklogOptions): Promise<QueueBacklogReport> {
  const { stored, contracts, tell = () => {} } = options;
  const kinds = new Map<string, Kind>();
  const { queues, jobs: total } = await stored.extent();
  let done = 0;
  for await (const page of stored.pages()) {
    for (const [key, jobs] of byKind(page)) {
      const kind = kinds.get(key) ?? kindOf(contracts, jobs[0]);
      kinds.set(key, kind);
      await kind.add(jobs);
    }
    done += page.length;
    tell({ done, total: Math.max(done, total) });
  }
  const all = [...kinds.values()].sort((one, other) => (one.task < other.task ? -1 : 1));
  return {
    findings: all.flatMap((kind) => kind.finding() ?? []),
    queues,
    jobs: all.reduce((sum, { tried }) => sum + tried, 0),
  };
}

/** Jobs of one queue and name. */
interface Kind {
  readonly task: string;
  readonly tried: number;
  add(jobs: readonly StoredJob[]): Promise<void>;
  finding(): Finding | undefined;
}

function byKind(page: readonly StoredJob[]): Map<string, [StoredJob, ...StoredJob[]]> {
  const kinds = new Map<string, [StoredJob, ...StoredJob[]]>();
  for (const job of page) {
    const key = `${job.queue}\n${job.name}`;
    const known = kinds.get(key);
    if (known) known.push(job);
    else kinds.set(key, [job]);
  }
  return kinds;
}

function kindOf(contracts: QueueContracts, { queue, name }: StoredJob): Kind {
  const schema = contractFor(contracts, queue, name);
  return schema === undefined ? new UndescribedKind(queue, name) : new DescribedKind(queue, name, schema);
}

class DescribedKind implements Kind {
  readonly task: string;
  readonly #of: string;
  readonly #run = new DryRun();
  readonly #reader: LaneReader;

  constructor(queue: string, name: string, schema: PayloadSchema) {
    this.task = `${queue}/${name}`;
    this.#of = `queue ${queue}, job ${name}`;
    const contract: Contract = {
      name: this.task,
      formerNames: [],
      queue,
      priority: "normal",
      retired: false,
      revisions: [revision(this.task, { number: 1, schema })],
    };
    this.#reader = { task: this.task, contract, rendition: 1, max: 1 };
  }

  get tried(): number {
    return this.#run.counts[0]?.jobs ?? 0;
  }

  add(jobs: readonly StoredJob[]): Promise<void> {
    return this.#run.add(this.#reader, jobs.map(dataOf), (index) => {
      const job = jobs[index];
      return job === undefined ? "" : `${job.id}, ${job.standing()}`;
    });
  }

  finding(): Finding | undefined {
    const [found] = this.#run.counts;
    if (found === undefined || found.failing === 0) return undefined;
    const { jobs, failing, problems } = found;
    const told = [...problems].sort(([, one], [, other]) => other.jobs - one.jobs).slice(0, 3);
    const reasons = told.map(([reason, each]) => (problems.size > 1 ? `${reason} (${count(each.jobs)})` : reason));
    return {
      rule: "backlog-refused",
      severity: "breaking",
      task: this.task,
      title: `${count(failing)} of ${count(jobs)} jobs of ${this.#of} would fail: ${reasons.join("; ")}; first: ${told[0]?.[1].first}`,
      effects: [
        {
          who: "new worker, old job",
          phases: ["during the deploy", "after the deploy"],
          what: "their processor gets data that its contract refuses.",
          breaks: true,
        },
      ],
      oneDeploy: {
        does: "Let the processor and its contract take these too, such as by a default or a union, and look again. Jobs that nobody needs can be taken out by the queue's own means.",
      },
    };
  }
}

class UndescribedKind implements Kind {
  readonly task: string;
  readonly tried = 0;
  readonly #of: string;
  #jobs = 0;

  constructor(queue: string, name: string) {
    this.task = `${queue}/${name}`;
    this.#of = `queue ${queue}, job ${name}`;
  }

  async add(jobs: readonly StoredJob[]): Promise<void> {
    this.#jobs += jobs.length;
  }

  finding(): Finding {
    return {
      rule: "backlog-unreadable",
      severity: "note",
      task: this.task,
      title: `${count(this.#jobs)} ${this.#jobs === 1 ? "job" : "jobs"} of ${this.#of}: no contract describes them, so they were not tried`,
      effects: [],
    };
  }
}

/** What is no JSON is nothing, which its contract will refuse. */
function dataOf({ data }: StoredJob): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}
