import { RedisConnection } from "../../brokers/redis-connection.ts";
import { RedisFleet, type RedisFleetOptions } from "../../brokers/redis-side.ts";
import type { FleetProcess, FleetView, Outcome, RemoteFleet, RunningAttempt } from "../fleet.ts";
import { nameOf, namespaceOf, type ResquePayload } from "./job.ts";

interface Worker {
  readonly id: string;
  readonly job: { readonly task: string; readonly since: Date; readonly queue: string } | undefined;
  readonly heartbeat: number | undefined;
}

/** Between two clean looks: a worker that had looked at the pause just before it was set has shown its job by then. */
const cleanForMs = 1_500;
/** Resque's workers write a heartbeat each minute. */
const silentAfterMs = 150_000;

/**
 * Resque from 2.3 on (https://github.com/resque/resque, lib/resque/worker.rb and data_store.rb): before each job a worker looks at the key
 * `pause-all-workers`. The pause is state in Redis, and holds for workers that start meanwhile too, those of the new release among them.
 */
export class ResqueFleet extends RedisFleet implements RemoteFleet {
  readonly #prefix: string;
  #cleanSince: number | undefined;

  private constructor(options: RedisFleetOptions, redis: RedisConnection) {
    const prefix = namespaceOf(options.address);
    super("resque", { redis, options, record: `taskmaster:gate:resque:${prefix}`, lookEveryMs: 500 });
    this.#prefix = prefix;
  }

  /** @throws {BrokerUnreachableError | BrokerRefusedError} */
  static async open(options: RedisFleetOptions): Promise<ResqueFleet> {
    return new ResqueFleet(options, await RedisConnection.open(options.address));
  }

  async close(): Promise<void> {
    const left = await this.take();
    const isOurs = left === "paused" || !(await this.#isPaused()); // what a person has paused stays so
    await this.tenure.note(isOurs ? "paused" : null);
    await this.redis.send("SET", this.#key("pause-all-workers"), "true");
  }

  async observe(): Promise<FleetView> {
    return this.look();
  }

  async look(): Promise<FleetView> {
    const isPaused = await this.#isPaused();
    const workers = await this.#workers();
    const attempts = workers.flatMap((worker) => this.#attemptsOf(worker));
    const processes = workers.map((worker) => toProcess(worker, isPaused));
    const doubts = [
      ...(workers.length === 0
        ? [`No Resque worker is registered under ${this.#prefix}:workers. Another prefix: ?namespace=NAME.`]
        : []),
      ...processes
        .filter(({ state }) => state === "silent")
        .map(({ id, remark }) => `Resque worker ${id}: ${remark ?? ""}.`),
    ];
    const isClean = isPaused && doubts.length === 0 && attempts.every(({ kind }) => kind === "interruptible");
    this.#cleanSince = isClean ? (this.#cleanSince ?? performance.now()) : undefined;
    const drained = this.#cleanSince !== undefined && performance.now() - this.#cleanSince >= cleanForMs;
    return { drained, processes, attempts, doubts };
  }

  async reopen(_outcome: Outcome): Promise<boolean> {
    if (!(await this.tenure.isOurs())) return false;
    if (this.tenure.closed === "paused") await this.redis.send("DEL", this.#key("pause-all-workers"));
    return this.tenure.drop();
  }

  #key(name: string): string {
    return `${this.#prefix}:${name}`;
  }

  async #isPaused(): Promise<boolean> {
    const value = await this.redis.send("GET", this.#key("pause-all-workers"));
    return (
      String(value ?? "")
        .trim()
        .toLowerCase() === "true"
    );
  }

  async #workers(): Promise<Worker[]> {
    const ids = (await this.redis.send("SMEMBERS", this.#key("workers"))) as string[];
    return Promise.all(
      ids.map(async (id) => {
        const work = (await this.redis.send("GET", this.#key(`worker:${id}`))) as string | null;
        const beat = (await this.redis.send("HGET", this.#key("workers:heartbeat"), id)) as string | null;
        return { id, job: readWork(work), heartbeat: beat === null ? undefined : Date.parse(beat) };
      }),
    );
  }

  #attemptsOf({ id, job }: Worker): RunningAttempt[] {
    if (job === undefined) return [];
    return [{ job: job.queue, task: job.task, kind: this.kindOf(job.task), process: id, where: id, since: job.since }];
  }
}

/** `{ queue, run_at, payload: { class, args } }` while a job runs. */
function readWork(text: string | null): Worker["job"] {
  if (text === null) return undefined;
  const { queue, run_at, payload } = JSON.parse(text) as {
    queue?: string;
    run_at?: string;
    payload?: ResquePayload;
  };
  return { task: nameOf(payload), queue: queue ?? "", since: new Date(run_at ?? Date.now()) };
}

function toProcess({ id, heartbeat }: Worker, isPaused: boolean): FleetProcess {
  const silentMs = heartbeat === undefined ? 0 : Date.now() - heartbeat;
  if (silentMs > silentAfterMs)
    return {
      id,
      where: id,
      release: null,
      state: "silent",
      remark: "it has sent no heartbeat for minutes: dead (Resque prunes it when another worker starts), or stopped",
    };
  return { id, where: id, release: null, state: isPaused ? "closed" : "open" };
}
