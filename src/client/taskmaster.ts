/// <reference lib="esnext.disposable" preserve="true" />
import type { Duration } from "../contract/duration.ts";
import { toMilliseconds } from "../contract/duration.ts";
import { assertPayloadSize, enqueueableContract, InvalidEnqueueError, place } from "../contract/enqueue.ts";
import { type StoredPayload, storePayload } from "../contract/payload.ts";
import type { AnyTask, Enqueueable, InputOf } from "../contract/task.ts";
import { noteEnqueue } from "../engine/attempt-scope.ts";
import { publish } from "../engine/events.ts";
import type { Connected } from "./connected.ts";
import type { EnqueueOptions } from "./enqueue-options.ts";
import { newEvent, type SignalOptions } from "./signal.ts";

export interface TaskmasterOptions {
  /** A `postgres://` URL. Default: `DATABASE_URL`, else an embedded Postgres under `.taskmaster/` of this folder. */
  readonly database?: string;
  /** What this program enqueues. Those that are not named here are registered with their first enqueue. */
  readonly tasks?: readonly AnyTask[];
  /** The build that this program is. Default: `TASKMASTER_RELEASE`, else the git commit, else a hash of the contracts. */
  readonly release?: string;
  /** Payloads over this many bytes of JSON are refused. Default 1 MB (1,000,000). */
  readonly maxPayloadBytes?: number;
  /** How long an enqueue goes on trying while the database is away. Default `"30s"`. */
  readonly patience?: Duration;
  /** Connections to the database at most. Default 5. */
  readonly connections?: number;
}

/** An enqueued job. */
export interface EnqueuedJob {
  /** Its number: decimal, as text, because numbers may pass 2^53. */
  readonly id: string;
  /** True where an unfinished job with the same key was there already: `id` is that one's. */
  readonly duplicate: boolean;
}

/**
 * A program's side of the queue: it enqueues.
 *
 * It connects with `start()`, or by itself with the first enqueue; `stop()` lets what is on its way arrive and leaves.
 *
 * @example
 * const taskmaster = new Taskmaster({ tasks: [confirmUser] });
 * const { id } = await taskmaster.enqueue(confirmUser, { id: 42, message: "hello!" });
 * await taskmaster.stop();
 */
export class Taskmaster {
  readonly #options: TaskmasterOptions;
  readonly #patienceMs: number;
  readonly #known = new Set<string>();
  #connected: Promise<Connected> | undefined;
  #stopped = false;

  constructor(options: TaskmasterOptions = {}) {
    this.#options = options;
    this.#patienceMs = toMilliseconds(options.patience ?? "30s", "patience");
  }

  /**
   * Connects, registers this program and its contracts, and migrates the schema where that is needed. Idempotent.
   *
   * @returns which database it is: its address, and the same for people, without a password
   * @throws {ContractContradictionError} where a contract contradicts what another release registered
   * @throws {DatabaseUnavailableError} where the database does not answer for a minute
   */
  async start(): Promise<{ readonly url: string; readonly where: string }> {
    const { url, where } = (await this.#connect()).membership.located;
    return { url, where };
  }

  #connect(): Promise<Connected> {
    if (this.#stopped)
      throw new InvalidEnqueueError("This Taskmaster has been stopped. Create a new one, or stop it later.");
    // What talks to a database is loaded when there is something to say: files of tasks are also read by who only looks at them.
    this.#connected ??= import("./connected.ts")
      .then(({ connect }) => connect(this.#options))
      .then(
        (connected) => {
          for (const task of this.#options.tasks ?? []) this.#known.add(task.name);
          return connected;
        },
        (error: unknown) => {
          this.#connected = undefined; // the next call tries again
          throw error;
        },
      );
    return this.#connected;
  }

  /**
   * Enqueues a job. Concurrent calls are gathered into one statement. When it resolves, the job is committed
   * (or written within `options.within`).
   *
   * @throws {PayloadRefusedError} where the payload does not fit the task's current revision
   * @throws {NotJsonError} where the payload is not JSON
   * @throws {PayloadTooLargeError}
   * @throws {TaskRetiredError}
   * @throws {DatabaseUnavailableError} where the database does not answer for `patience`
   */
  async enqueue<T extends AnyTask>(
    task: T & Enqueueable<T>,
    payload: InputOf<T>,
    options: EnqueueOptions = {},
  ): Promise<EnqueuedJob> {
    const [written] = await this.#enqueue(task, [payload], options);
    return written ?? { id: "", duplicate: false };
  }

  /**
   * Enqueues many jobs of one task, in statements of a thousand (of 16 MB, where payloads are large). In one transaction where
   * `options.within` is given; otherwise, where it throws, whole statements before may have been committed.
   */
  async enqueueMany<T extends AnyTask>(
    task: T & Enqueueable<T>,
    payloads: readonly InputOf<T>[],
    options: Omit<EnqueueOptions, "key"> = {},
  ): Promise<EnqueuedJob[]> {
    return this.#enqueue(task, payloads, options);
  }

  async #enqueue(task: AnyTask, payloads: readonly unknown[], options: EnqueueOptions): Promise<EnqueuedJob[]> {
    const contract = enqueueableContract(task);
    const placement = place(contract, options);
    if (options.within === undefined && options.key === undefined) noteEnqueue(contract.name);
    // Everything is checked before anything is written.
    const stored: StoredPayload[] = [];
    for (const payload of payloads) {
      const made = storePayload(contract, payload);
      const one = made instanceof Promise ? await made : made;
      assertPayloadSize(contract.name, one.text, this.#options.maxPayloadBytes);
      stored.push(one);
    }
    const connected = await this.#connect();
    if (!this.#known.has(contract.name)) {
      await connected.membership.addTasks([task]);
      this.#known.add(contract.name);
    }
    const skipped = stored.find((one) => one.skipped)?.skipped;
    if (skipped) publish({ event: "rendition.skipped", task: contract.name, ...skipped });
    const written = await connected.write(contract.name, stored, placement, options.within, this.#patienceMs);
    publish({ event: "job.enqueued", task: contract.name, jobs: written.map(({ id }) => id) });
    return written;
  }

  /**
   * Tells jobs that something has happened: those that wait for it by `ctx.waitFor`, and those that come to wait for it later.
   * When it resolves, the event is committed (or written within `options.within`).
   *
   * @param event 200 characters at most, such as `order paid 4711`
   * @param payload JSON, a megabyte at most; what `ctx.waitFor` answers with
   * @throws {NotJsonError}
   * @throws {ResultRefusedError} where the payload does not fit `options.schema`
   * @throws {CheckpointTooLargeError}
   * @throws {DatabaseUnavailableError} where the database does not answer for `patience`
   */
  async signal(event: string, payload?: unknown, { schema, within }: SignalOptions = {}): Promise<void> {
    const checked = await newEvent(event, payload, schema);
    const connected = await this.#connect();
    await connected.signal(checked, within, this.#patienceMs);
  }

  /** Lets what is on its way arrive, signs off and disconnects. Idempotent. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const connected = await this.#connected?.catch(() => undefined);
    await connected?.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
