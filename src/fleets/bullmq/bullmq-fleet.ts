import { RedisConnection } from "../../brokers/redis-connection.ts";
import { RedisFleet, type RedisFleetOptions } from "../../brokers/redis-side.ts";
import type { FleetView, Outcome, RemoteFleet, RunningAttempt } from "../fleet.ts";
import {
  type ActiveJob,
  activeJobs,
  type BullQueue,
  listQueues,
  pauseQueue,
  prefixOf,
  resumeQueue,
  unknownVersion,
  workersOf,
} from "./queues.ts";

/** BullMQ's queues: paused globally by their own keys. Those that a person had paused before stay as they are. */
export class BullmqFleet extends RedisFleet implements RemoteFleet {
  readonly #prefix: string;

  private constructor(options: RedisFleetOptions, redis: RedisConnection) {
    const prefix = prefixOf(options.address);
    super("bullmq", { redis, options, record: `taskmaster:gate:bullmq:${prefix}`, lookEveryMs: 250 });
    this.#prefix = prefix;
  }

  /** @throws {BrokerUnreachableError | BrokerRefusedError} */
  static async open(options: RedisFleetOptions): Promise<BullmqFleet> {
    return new BullmqFleet(options, await RedisConnection.open(options.address));
  }

  async close(): Promise<void> {
    await this.take();
    try {
      await this.#closeOpen(await listQueues(this.redis, this.#prefix));
    } catch (error) {
      await this.reopen("aborted").catch(() => {}); // else what is on record stays to be opened by deploy abort
      throw error;
    }
  }

  get #closed(): readonly string[] {
    return Array.isArray(this.tenure.closed) ? (this.tenure.closed as string[]) : [];
  }

  /** Written down first, then paused. */
  async #closeOpen(queues: readonly BullQueue[]): Promise<void> {
    const open = queues.filter((queue) => !queue.isPaused && unknownVersion(queue) === undefined);
    if (open.length === 0) return;
    await this.tenure.note([...new Set([...this.#closed, ...open.map(({ name }) => name)])]);
    for (const queue of open) await pauseQueue(this.redis, this.#prefix, queue);
  }

  async observe(): Promise<FleetView> {
    const queues = await listQueues(this.redis, this.#prefix); // also those that were made meanwhile
    await this.#closeOpen(queues);
    return this.look();
  }

  async look(): Promise<FleetView> {
    const queues = await listQueues(this.redis, this.#prefix);
    const names = queues.map(({ name }) => name);
    const workers = await workersOf(this.redis, this.#prefix, names);
    const jobs = (await Promise.all(names.map((name) => activeJobs(this.redis, this.#prefix, name)))).flat();
    const worked = new Set(workers?.map(({ queue }) => queue) ?? names);
    const stalled = jobs.filter(({ lock }) => lock === null);
    const doubts = [
      ...queues.flatMap((queue) => unknownVersion(queue) ?? []),
      ...(queues.length === 0
        ? [
            `There is no queue of BullMQ with the prefix ${this.#prefix}. Another prefix: ?prefix=NAME. Another database: the number at the end of the address.`,
          ]
        : []),
      ...stalled
        .filter(({ queue, name }) => worked.has(queue) && this.kindOf(name) === "short")
        .map(
          ({ name, id, queue }) =>
            `Job ${id} (${name}) of the queue ${queue} is stalled: nobody renews its lock. Its worker has died, or its event loop is blocked and it still runs; BullMQ gives it back within its stalled interval (30s).`,
        ),
    ];
    const attempts = jobs.filter(({ lock }) => lock !== null).map((job) => this.#toAttempt(job));
    const processes = (workers ?? []).map(({ queue, address }) => ({
      id: `${queue} ${address}`,
      where: address,
      release: null,
      state: queues.find(({ name }) => name === queue)?.isPaused ? ("closed" as const) : ("open" as const),
    }));
    const drained =
      doubts.length === 0 &&
      queues.every(({ isPaused }) => isPaused) &&
      attempts.every(({ kind }) => kind === "interruptible");
    return { drained, processes, attempts, doubts };
  }

  #toAttempt({ queue, id, name, startedAt, lock, isInterruptible }: ActiveJob): RunningAttempt {
    return {
      job: `${queue}/${id}`,
      task: name,
      kind: this.kindOf(name, isInterruptible),
      process: lock ?? "",
      where: lock ?? "",
      since: new Date(startedAt),
    };
  }

  async reopen(_outcome: Outcome): Promise<boolean> {
    if (!(await this.tenure.isOurs())) return false;
    for (const name of this.#closed) await resumeQueue(this.redis, this.#prefix, name);
    return this.tenure.drop(); // after them: who dies in between has left the record
  }
}
