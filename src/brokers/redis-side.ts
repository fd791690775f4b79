import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { withoutPassword } from "./broker-error.ts";
import { type GateRecord, GateTenure, type Holder } from "./gate-record.ts";
import type { RedisConnection } from "./redis-connection.ts";
import { RedisGateRecord } from "./redis-gate-record.ts";

/** What everything has in common that looks at an existing queue in Redis. */
export abstract class RedisSide {
  /** `bullmq redis://host:6379/0`, without the password. */
  readonly name: string;
  remarks: readonly string[] = [];
  protected readonly redis: RedisConnection;

  protected constructor(kind: string, redis: RedisConnection) {
    this.name = `${kind} ${withoutPassword(redis.address)}`;
    this.redis = redis;
  }

  async leave(): Promise<void> {
    await this.redis.close();
  }
}

export interface RedisFleetOptions {
  /** `redis://…`, with what the queue calls its prefix of keys. */
  readonly address: string;
  readonly holder: Holder;
  readonly leaseMs: number;
  /** Names of tasks that may be stopped anywhere. */
  readonly interruptible: readonly string[];
  /** Names of tasks that must not be cut off, whatever the queue says of them. */
  readonly short: readonly string[];
}

/** A fleet whose gate stands on record in Redis: how the record is taken, held, taken over. */
export abstract class RedisFleet extends RedisSide {
  protected readonly tenure: GateTenure;
  readonly #options: RedisFleetOptions;
  readonly #lookEveryMs: number;

  /** @param record the key of the record */
  protected constructor(
    kind: string,
    {
      redis,
      options,
      record,
      lookEveryMs,
    }: { redis: RedisConnection; options: RedisFleetOptions; record: string; lookEveryMs: number },
  ) {
    super(kind, redis);
    this.tenure = new GateTenure(this.name, new RedisGateRecord(redis, record));
    this.#options = options;
    this.#lookEveryMs = lookEveryMs;
  }

  /** Answers what a holder who fell silent had closed: it still is. @throws {FleetHeldError} */
  protected take(): Promise<unknown> {
    return this.tenure.take(randomUUID(), this.#options.holder, this.#options.leaseMs);
  }

  /** @param saysSo whether the queue itself says that it may be stopped anywhere */
  protected kindOf(task: string, saysSo = false): "short" | "interruptible" {
    const { interruptible, short } = this.#options;
    return !short.includes(task) && (saysSo || interruptible.includes(task)) ? "interruptible" : "short";
  }

  /** Redis could tell what happens; to look is as quick, and misses nothing. */
  async changed(withinMs: number, signal?: AbortSignal): Promise<void> {
    await pause(Math.min(withinMs, this.#lookEveryMs), undefined, signal && { signal }).catch(() => {});
  }

  hold(ms: number): Promise<void> {
    return this.tenure.hold(ms);
  }

  extend(ms: number): Promise<void> {
    return this.tenure.hold(ms, { evenLate: true });
  }

  adopt(): Promise<GateRecord | undefined> {
    return this.tenure.adopt();
  }
}
