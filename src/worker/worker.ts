/// <reference lib="esnext.disposable" preserve="true" />
import { withLinks } from "../contract/chain.ts";
import { assertName, InvalidContractError } from "../contract/contract.ts";
import { toMilliseconds } from "../contract/duration.ts";
import { isSchedule, type Schedule } from "../contract/schedule.ts";
import type { StrandedLane } from "../engine/backlog.ts";
import { Running, type RunningAttempts } from "./running.ts";
import { TaskTable } from "./task-table.ts";
import type { WorkerOptions } from "./worker-options.ts";

type State =
  | { readonly name: "new" }
  | { readonly name: "starting"; readonly started: Promise<Running> }
  | { readonly name: "stopping"; readonly stopped: Promise<void> };

/**
 * A program's side of the queue that runs jobs.
 *
 * @example
 * const worker = new Worker({ tasks: [confirmUser], concurrency: 20 });
 * await worker.start();
 * process.once("SIGTERM", () => worker.stop());
 */
export class Worker {
  readonly #options: WorkerOptions;
  readonly #tasks: TaskTable;
  readonly #hurry = new AbortController();
  #state: State = { name: "new" };
  #running: Running | undefined;

  /** @throws {InvalidContractError} where two tasks answer to one name, or an option makes no sense */
  constructor(options: WorkerOptions) {
    const tasks = withLinks(options.tasks);
    this.#tasks = new TaskTable(tasks);
    const { concurrency = 10, queues } = options;
    if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > 10_000)
      throw new InvalidContractError(`concurrency is ${concurrency}: write a whole number from 1 to 10000.`);
    if (queues?.length === 0)
      throw new InvalidContractError(
        "queues is empty, so this worker would run nothing: name some, or leave it out for all.",
      );
    for (const queue of queues ?? []) assertName(queue, "queue");
    assertSchedules(options.schedules ?? []);
    for (const name of ["grace", "keepSucceeded", "lease"] as const)
      if (options[name] !== undefined) toMilliseconds(options[name], name);
    this.#options = { ...options, tasks };
  }

  /**
   * Connects, registers and begins to work. Resolves when it is ready for jobs. Idempotent.
   *
   * @throws {ContractContradictionError} where a contract contradicts what another release registered
   * @throws {DatabaseUnavailableError} where the database does not answer for a minute
   */
  async start(): Promise<void> {
    if (this.#state.name === "stopping")
      throw new InvalidContractError("This worker has been stopped. Create a new one.");
    if (this.#state.name === "new")
      this.#state = { name: "starting", started: Running.start(this.#options, this.#tasks) };
    if (this.#state.name === "starting") this.#running = await this.#state.started;
  }

  /** Which process of which release this worker is, and on which database, for people. */
  async describe(): Promise<string> {
    return this.#state.name === "starting" ? (await this.#state.started).describe() : "not running";
  }

  /** What runs just now. */
  attempts(): RunningAttempts {
    return this.#running?.attempts() ?? { short: 0, interruptible: 0, longestMs: 0, names: [] };
  }

  /** What would be stranded if this worker stopped: jobs that no other live worker can read. */
  async wouldStrand(): Promise<readonly StrandedLane[]> {
    return (await this.#running?.wouldStrand()) ?? [];
  }

  /**
   * Stops in good order: takes no more jobs, hands back what it has not started, interrupts interruptible attempts
   * (`grace`), waits for short ones to end, and signs off. Idempotent. `hurry()` cuts the waiting short.
   */
  async stop(): Promise<void> {
    if (this.#state.name === "new") this.#state = { name: "stopping", stopped: Promise.resolve() };
    else if (this.#state.name === "starting") {
      const { started } = this.#state;
      const stopped = started.then(
        (running) => running.stop(this.#hurry.signal),
        () => {},
      );
      this.#state = { name: "stopping", stopped };
    }
    await this.#state.stopped;
  }

  /** Cuts a stop short: gives interruptible attempts back at once and leaves short ones behind, whose jobs will be held. */
  hurry(): void {
    this.#hurry.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** @throws {InvalidContractError} */
function assertSchedules(schedules: readonly Schedule[]): void {
  const names = new Set<string>();
  for (const schedule of schedules) {
    if (!isSchedule(schedule))
      throw new InvalidContractError("Among the schedules of this worker is something that schedule() did not make.");
    if (names.has(schedule.name))
      throw new InvalidContractError(`Two schedules are named ${schedule.name}: every name is one schedule.`);
    names.add(schedule.name);
  }
}
