/// <reference lib="esnext.disposable" preserve="true" />
import { Taskmaster } from "../client/taskmaster.ts";
import { withLinks } from "../contract/chain.ts";
import { type Duration, toMilliseconds } from "../contract/duration.ts";
import type { AnyRunnableTask, AnyTask, InputOf } from "../contract/task.ts";
import { Database } from "../engine/database.ts";
import { findJobs, type JobState, showJob } from "../engine/jobs.ts";
import { type LocatedDatabase, locateDatabase } from "../process/locate.ts";
import type { Outcome } from "../worker/settler.ts";
import { passTime } from "./move-time.ts";
import { SteppingWorker } from "./stepping-worker.ts";

export interface TestQueueOptions {
  /** What `drain` runs. */
  readonly tasks: readonly AnyRunnableTask[];
  /** A `postgres://` URL, on which no worker runs. Default: `DATABASE_URL`, else the embedded Postgres of this folder. */
  readonly database?: string;
}

/** A job as a test looks at it. */
export interface TestJob<Payload = unknown> {
  readonly id: string;
  readonly task: string;
  readonly state: JobState;
  /** At its newest revision; undefined once it has succeeded. */
  readonly payload: Payload | undefined;
  /** When it is due; null once it has succeeded. */
  readonly runAt: Date | null;
  readonly queue: string;
}

/** How an attempt ended. */
export interface DrainedAttempt {
  readonly job: string;
  readonly task: string;
  readonly end: "succeeded" | "retrying" | "failed" | "held" | "suspended";
  /** What it threw, or why it is held. */
  readonly error: string | undefined;
}

/** Attempts of one drain at most: beyond it, tasks that enqueue themselves would go on for ever. */
const mostAttempts = 10_000;

/**
 * A queue for tests, in the process of the test: jobs run when the test says so, one after the other, and time passes when the test says so.
 *
 * @example
 * await using queue = await TestQueue.start({ tasks: [confirmUser] });
 * await signUp(queue.taskmaster, "ada");
 * expect(await queue.jobs(confirmUser)).toMatchObject([{ state: "waiting", payload: { message: "hello, ada!" } }]);
 * await queue.drain();
 */
export class TestQueue {
  /** For the code under test: enqueues into this queue. */
  readonly taskmaster: Taskmaster;
  readonly #located: LocatedDatabase;
  readonly #database: Database;
  readonly #worker: SteppingWorker;

  static async start({ tasks, database: url }: TestQueueOptions): Promise<TestQueue> {
    const located = await locateDatabase(url);
    const runnable = withLinks(tasks);
    const taskmaster = new Taskmaster({ database: located.url, tasks: runnable, release: "test" });
    await taskmaster.start();
    const database = new Database({ url: located.url });
    return new TestQueue(located, taskmaster, database, await SteppingWorker.start(database, runnable, "test"));
  }

  private constructor(located: LocatedDatabase, taskmaster: Taskmaster, database: Database, worker: SteppingWorker) {
    this.#located = located;
    this.taskmaster = taskmaster;
    this.#database = database;
    this.#worker = worker;
  }

  /**
   * Runs what is due, and what becomes due by that, one job after the other, until nothing is. What waits for a retry, a time or an
   * event stays.
   */
  async drain(): Promise<DrainedAttempt[]> {
    const attempts: DrainedAttempt[] = [];
    for (;;) {
      const job = await this.#worker.claim();
      if (job === undefined) return attempts;
      const outcome = await this.#worker.attempt(job);
      attempts.push({ job: job.id, task: job.task.contract.name, ...ended(outcome) });
      if (attempts.length >= mostAttempts)
        throw new Error(
          `drain() has run ${mostAttempts} attempts, the last of ${job.task.contract.name}, and more are due: does a task enqueue itself?`,
        );
    }
  }

  /** Lets time pass for all jobs: delays, waits between attempts, sleeps and timeouts. Runs nothing by itself. */
  async passTime(duration: Duration): Promise<void> {
    await passTime(this.#database, toMilliseconds(duration, "passTime"));
  }

  /** The jobs of a task, or all, in the order of their numbers. */
  async jobs<T extends AnyTask>(task?: T): Promise<TestJob<InputOf<T>>[]> {
    const found = await findJobs(this.#database, { task: task?.name }, 10_000);
    const jobs: TestJob<InputOf<T>>[] = [];
    for (const { id, task: name, state, runAt, queue, revision } of found.reverse()) {
      const payload = (await showJob(this.#database, id))?.payloads[revision] as InputOf<T> | undefined;
      jobs.push({ id, task: name, state, payload, runAt, queue });
    }
    return jobs;
  }

  /** Leaves the database. Idempotent. */
  async stop(): Promise<void> {
    await this.#worker.stop();
    await this.taskmaster.stop();
    await this.#database.end();
    await this.#located.leave();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function ended(outcome: Outcome | undefined): Pick<DrainedAttempt, "end" | "error"> {
  switch (outcome?.end) {
    case "retry":
      return { end: "retrying", error: outcome.failure.message };
    case "parked":
      return { end: outcome.state, error: outcome.detail };
    case "suspended":
    case "released":
      return { end: "suspended", error: undefined };
    default:
      return { end: "succeeded", error: undefined };
  }
}
