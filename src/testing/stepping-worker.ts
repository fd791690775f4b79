import { hostname } from "node:os";
import { type AnyRunnableTask, contractOf, executionOf } from "../contract/task.ts";
import { claimJobs } from "../engine/claim.ts";
import type { Database } from "../engine/database.ts";
import { listLanes, readableLanes } from "../engine/lanes.ts";
import { declareDead } from "../engine/liveness.ts";
import { type Registration, registerProcess, registerTasks } from "../engine/registry.ts";
import { rescueOrphans } from "../engine/rescue.ts";
import { TaskTransactions } from "../engine/task-transactions.ts";
import { packageVersion } from "../process/version.ts";
import { Attempt } from "../worker/attempt.ts";
import { Claim, HeldJob } from "../worker/held-job.ts";
import { type Outcome, Settler } from "../worker/settler.ts";
import { ChildJobs } from "../worker/steps/child-jobs.ts";
import { TaskTable } from "../worker/task-table.ts";
import { TrackedCheckpoints } from "./tracked-checkpoints.ts";
import { TrackedRun } from "./tracked-run.ts";
import { watchedContext } from "./watch-context.ts";

/** Its lease is over at once: it beats never, and is dead as soon as somebody says so. */
const leaseMs = 1;

/** A worker that runs one attempt when it is told to, and dies when it is told to. */
export class SteppingWorker {
  readonly #database: Database;
  readonly #tasks: TaskTable;
  readonly #registration: Registration;
  readonly #settler: Settler;
  readonly #transactions: TaskTransactions;
  #batch = 0;

  static async start(database: Database, tasks: readonly AnyRunnableTask[], release: string): Promise<SteppingWorker> {
    const registration = await registerProcess(database, {
      role: "worker",
      release: { name: release, source: "explicit" },
      tasks: tasks.map((task) => ({ contract: contractOf(task), execution: executionOf(task) })),
      queues: null,
      concurrency: 1,
      leaseMs,
      host: hostname(),
      pid: process.pid,
      version: packageVersion,
    });
    return new SteppingWorker(database, new TaskTable(tasks), registration);
  }

  private constructor(database: Database, tasks: TaskTable, registration: Registration) {
    this.#database = database;
    this.#tasks = tasks;
    this.#registration = registration;
    this.#settler = new Settler({
      database,
      onReleased: () => {},
      onEnqueued: () => {},
      onPutOff: () => {},
      onSettled: () => {},
    });
    this.#transactions = new TaskTransactions({ url: database.url });
  }

  /** Its number. */
  get process(): number {
    return this.#registration.process;
  }

  /** Claims the first job that is due, of any of its tasks. */
  async claim(): Promise<HeldJob | undefined> {
    const { process } = this.#registration;
    const lanes = readableLanes(await listLanes(this.#database), null, this.#tasks.reads);
    const batch = ++this.#batch;
    for (const from of lanes) {
      const request = { process, batch, lanes: [{ lane: from.id, quota: 1 }], starting: 1 };
      const [row] = await claimJobs(this.#database, request);
      const entry = this.#tasks.get(from.task);
      if (row === undefined || entry === undefined) continue;
      return new HeldJob(row, new Claim(process, batch, 1), from, entry);
    }
    return undefined;
  }

  /** Runs an attempt to its settlement, as a run whose effects are counted where one is given; `undefined` where that was killed. */
  async attempt(job: HeldJob, run?: TrackedRun): Promise<Outcome | undefined> {
    const attempt = new Attempt(run ? trackedJob(job, run) : job, true, {
      onOverrun: () => {},
      steps: {
        database: this.#database,
        checkpoints: new TrackedCheckpoints(this.#database),
        transactions: this.#transactions,
        childJobs: new ChildJobs({
          database: this.#database,
          register: (children) =>
            TrackedRun.outside(() =>
              registerTasks(
                this.#database,
                this.#registration,
                children.map((child) => ({ contract: contractOf(child) })),
              ),
            ),
        }),
      },
    });
    const settle = async (outcome: Outcome) => {
      this.#settler.add(job, outcome);
      await this.#settler.settled();
      return outcome;
    };
    if (run === undefined)
      return settle(await new Promise<Outcome>((resolve) => attempt.run((_, outcome) => resolve(outcome))));
    const killed = new Promise<undefined>((resolve) => run.onKill(() => resolve(undefined)));
    const ended = new Promise<Outcome>((resolve) => run.within(() => attempt.run((_, outcome) => resolve(outcome))));
    // The last effect of an attempt is its settlement.
    const settled = ended.then((outcome) => run.within(() => run.effect("end", outcome.end, () => settle(outcome))));
    return Promise.race([settled, killed]);
  }

  /** Dies without a word; what it held goes back to the queue. */
  async die(): Promise<void> {
    await declareDead(this.#database, this.#registration.process, "lease");
    await rescueOrphans(this.#database);
    void this.#transactions.end().catch(() => {}); // a dead run may hold one of them for ever
  }

  async stop(): Promise<void> {
    await this.#transactions.end();
    await declareDead(this.#database, this.#registration.process, "lease");
  }
}

/** A job whose task sees its context through a run. */
function trackedJob(job: HeldJob, run: TrackedRun): HeldJob {
  const { execution } = job.task;
  const watched = (payload: unknown, context: unknown) => execution.run(payload, watchedContext(context, run));
  return job.as({ ...job.task, execution: { ...execution, run: watched } });
}
