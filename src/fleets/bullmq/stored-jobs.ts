import { RedisJobs } from "../../brokers/redis-jobs.ts";
import type { StoredJob, StoredJobs } from "../stored-jobs.ts";
import { listQueues, prefixOf } from "./queues.ts";

/**
 * What BullMQ's queues have not done yet. Each state is a list or a sorted set of ids, read from the end at which nothing is taken away, so that pages do not
 * shift under the reader; and in an order in which jobs do not run past him, as far as there is one.
 */
const states: readonly State[] = [
  { key: "delayed", set: true, standing: (score) => `delayed until ${timeText(Math.floor(score / 0x1000))}` },
  { key: "waiting-children", set: true, standing: () => "waiting for its children" },
  { key: "prioritized", set: true, standing: () => "waiting, with a priority" },
  { key: "paused", set: false, standing: () => "waiting in a paused queue" },
  { key: "wait", set: false, standing: () => "waiting" },
  { key: "active", set: false, standing: () => "running" },
  { key: "failed", set: true, standing: (score) => `failed ${timeText(score)}` },
];

interface State {
  readonly key: string;
  /** A sorted set; else a list. */
  readonly set: boolean;
  readonly standing: (score: number) => string;
}

const pageSize = 500;

export class BullmqStoredJobs extends RedisJobs implements StoredJobs {
  readonly #prefix = prefixOf(this.redis.address);

  async extent() {
    const queues = await listQueues(this.redis, this.#prefix);
    const counts = await this.redis.sendAll(
      queues.flatMap(({ name }) => states.map(({ key, set }) => [set ? "ZCARD" : "LLEN", this.#key(name, key)])),
    );
    return {
      queues: queues.map(({ name }) => name),
      jobs: counts.reduce<number>((sum, count) => sum + Number(count), 0),
    };
  }

  async *pages(): AsyncGenerator<readonly StoredJob[]> {
    for (const { name } of await listQueues(this.redis, this.#prefix)) {
      for (const state of states) yield* this.#stateOf(name, state);
      yield* this.#schedulersOf(name);
    }
  }

  #key(queue: string, name: string): string {
    return `${this.#prefix}:${queue}:${name}`;
  }

  async *#stateOf(queue: string, { key, set, standing }: State): AsyncGenerator<StoredJob[]> {
    for (let from = 0; ; from += pageSize) {
      const found = (await this.redis.send(
        set ? "ZREVRANGE" : "LRANGE",
        this.#key(queue, key),
        String(from),
        String(from + pageSize - 1),
        ...(set ? ["WITHSCORES"] : []),
      )) as string[];
      if (found.length === 0) return;
      const ids = set ? found.filter((_, index) => index % 2 === 0) : found;
      const hashes = (await this.redis.sendAll(ids.map((id) => ["HMGET", this.#key(queue, id), "name", "data"]))) as (
        | string
        | null
      )[][];
      yield hashes.flatMap(([name, data], index): StoredJob[] => {
        const id = ids[index] ?? "";
        if (name == null) return []; // done meanwhile, or no job: a marker
        const score = Number(set ? found[index * 2 + 1] : 0);
        return [{ queue, name, id: `job ${id}`, data: data ?? "{}", standing: () => standing(score) }];
      });
      if (ids.length < pageSize) return;
    }
  }

  /** What schedulers will write. Repeatable jobs of older versions carry their data in their next job, which is delayed. */
  async *#schedulersOf(queue: string): AsyncGenerator<StoredJob[]> {
    for (let from = 0; ; from += pageSize) {
      const key = this.#key(queue, "repeat");
      const ids = (await this.redis.send("ZRANGE", key, String(from), String(from + pageSize - 1))) as string[];
      if (ids.length === 0) return;
      const hashes = (await this.redis.sendAll(ids.map((id) => ["HMGET", `${key}:${id}`, "name", "data", "ic"]))) as (
        | string
        | null
      )[][];
      yield hashes.flatMap(([name, data, ic], index): StoredJob[] => {
        if (name == null || (data == null && ic == null)) return [];
        return [{ queue, name, id: `scheduler ${ids[index]}`, data: data ?? "{}", standing: () => "scheduled" }];
      });
    }
  }
}

function timeText(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
