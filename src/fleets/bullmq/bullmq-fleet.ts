import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { withoutPassword } from "../../brokers/broker-error.ts";
import { GateTenure, type Holder } from "../../brokers/gate-record.ts";
import { RedisConnection } from "../../brokers/redis-connection.ts";
import { RedisGateRecord } from "../../brokers/redis-gate-record.ts";
import type { FleetView, HeldBy, Outcome, RemoteFleet, RunningAttempt } from "../fleet.ts";
import {
  type ActiveJob,
  activeJobs,
  type BullQueue,
  listQueues,
  pauseQueue,
  resumeQueue,
  unknownVersion,
  workersOf,
} from "./queues.ts";

export interface BullmqFleetOptions {
  /** `redis://…`; `?prefix=` is BullMQ's own prefix of keys, `bull` by default. */
  readonly address: string;
  readonly holder: Holder;
  readonly leaseMs: number;
  /** Names of jobs that may be stopped anywhere. */
  readonly interruptible: readonly string[];
  /** Names of jobs that must not be cut off, whatever their options say. */
  readonly short: readonly string[];
}

const lookEveryMs = 250;

/** BullMQ's queues: paused globally by their own keys. Those that a person had paused before stay as they are. */
export class BullmqFleet implements RemoteFleet {
  readonly name: string;
  remarks: readonly string[] = [];
  readonly #options: BullmqFleetOptions;
  readonly #redis: RedisConnection;
  readonly #prefix: string;
  readonly #tenure: GateTenure;

  private constructor(options: BullmqFleetOptions, redis: RedisConnection, prefix: string) {
    this.name = `bullmq ${withoutPassword(options.address)}`;
    this.#options = options;
    this.#redis = redis;
    this.#prefix = prefix;
    this.#tenure = new GateTenure(this.name, new RedisGateRecord(redis, `taskmaster:gate:bullmq:${prefix}`));
  }

  /** @throws {BrokerUnreachableError | BrokerRefusedError} */
  static async open(options: BullmqFleetOptions): Promise<BullmqFleet> {
    const prefix = new URL(options.address).searchParams.get("prefix") ?? "bull";
    return new BullmqFleet(options, await RedisConnection.open(options.address), prefix);
  }

  async close(): Promise<void> {
    await this.#tenure.take(randomUUID(), this.#options.holder, this.#options.leaseMs);
    try {
      await this.#closeOpen(await listQueues(this.#redis, this.#prefix));
    } catch (error) {
      await this.reopen("aborted").catch(() => {}); // else what is on record stays to be opened by deploy abort
      throw error;
    }
  }

  get #closed(): readonly string[] {
    return Array.isArray(this.#tenure.closed) ? (this.#tenure.closed as string[]) : [];
  }

  /** Written down first, then paused. */
  async #closeOpen(queues: readonly BullQueue[]): Promise<void> {
    const open = queues.filter((queue) => !queue.isPaused && unknownVersion(queue) === undefined);
    if (open.length === 0) return;
    await this.#tenure.note([...new Set([...this.#closed, ...open.map(({ name }) => name)])]);
    for (const { name } of open) await pauseQueue(this.#redis, this.#prefix, name);
  }

  async observe(): Promise<FleetView> {
    const queues = await listQueues(this.#redis, this.#prefix); // also those that were made meanwhile
    await this.#closeOpen(queues);
    return this.look();
  }

  async look(): Promise<FleetView> {
    const queues = await listQueues(this.#redis, this.#prefix);
    const names = queues.map(({ name }) => name);
    const workers = await workersOf(this.#redis, this.#prefix, names);
    const jobs = (await Promise.all(names.map((name) => activeJobs(this.#redis, this.#prefix, name)))).flat();
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
        .filter(({ queue, name }) => worked.has(queue) && !this.#options.interruptible.includes(name))
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
    const { interruptible, short } = this.#options;
    const mayStop = !short.includes(name) && (isInterruptible || interruptible.includes(name));
    return {
      job: `${queue}/${id}`,
      task: name,
      kind: mayStop ? "interruptible" : "short",
      process: lock ?? "",
      where: lock ?? "",
      since: new Date(startedAt),
    };
  }

  async changed(withinMs: number, signal?: AbortSignal): Promise<void> {
    await pause(Math.min(withinMs, lookEveryMs), undefined, signal && { signal }).catch(() => {});
  }

  async hold(ms: number): Promise<void> {
    await this.#tenure.hold(ms);
  }

  async extend(ms: number): Promise<void> {
    await this.#tenure.hold(ms, { evenLate: true });
  }

  async adopt(): Promise<HeldBy | undefined> {
    return this.#tenure.adopt();
  }

  async reopen(_outcome: Outcome): Promise<boolean> {
    if (!(await this.#tenure.isOurs())) return false;
    for (const name of this.#closed) await resumeQueue(this.#redis, this.#prefix, name);
    return this.#tenure.drop(); // after them: who dies in between has left the record
  }

  async leave(): Promise<void> {
    await this.#redis.close();
  }
}
