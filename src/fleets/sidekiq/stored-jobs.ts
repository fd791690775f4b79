import { members } from "../../brokers/json-members.ts";
import { RedisJobs } from "../../brokers/redis-jobs.ts";
import type { StoredJob, StoredJobs } from "../stored-jobs.ts";
import { argumentsOf, jobOf, keyPrefixOf, nameOf } from "./job.ts";

/** Sets by the time at which something happens to a job; of the dead, when it died. */
const sets: Readonly<Record<string, (at: string) => string>> = {
  schedule: (at) => `scheduled for ${at}`,
  retry: (at) => `to be retried ${at}`,
  dead: (at) => `dead since ${at}`,
};
const pageSize = 500;

/** What Sidekiq has not done yet: the arguments of its jobs. Jobs are pushed on the left and taken from the right, so that a list is read from the left. */
export class SidekiqStoredJobs extends RedisJobs implements StoredJobs {
  readonly #prefix = keyPrefixOf(this.redis.address);

  async extent() {
    const queues = await this.#queues();
    const counts = await this.redis.sendAll([
      ...Object.keys(sets).map((set) => ["ZCARD", this.#prefix + set]),
      ...queues.map((queue) => ["LLEN", `${this.#prefix}queue:${queue}`]),
    ]);
    return { queues, jobs: counts.reduce<number>((sum, count) => sum + Number(count), 0) };
  }

  async *pages(): AsyncGenerator<readonly StoredJob[]> {
    for (const [set, standing] of Object.entries(sets)) yield* this.#set(this.#prefix + set, standing);
    for (const queue of await this.#queues())
      for (let from = 0; ; from += pageSize) {
        const range = [String(from), String(from + pageSize - 1)];
        const found = (await this.redis.send("LRANGE", `${this.#prefix}queue:${queue}`, ...range)) as string[];
        yield found.flatMap((text) => toJob(text, queue, () => "waiting"));
        if (found.length < pageSize) break;
      }
  }

  async *#set(key: string, standing: (at: string) => string): AsyncGenerator<StoredJob[]> {
    for (let from = 0; ; from += pageSize) {
      const range = [String(from), String(from + pageSize - 1)];
      const found = (await this.redis.send("ZREVRANGE", key, ...range, "WITHSCORES")) as string[];
      yield found.flatMap((text, index) =>
        index % 2 === 0 ? toJob(text, undefined, () => standing(timeText(Number(found[index + 1])))) : [],
      );
      if (found.length < pageSize * 2) break;
    }
  }

  async #queues(): Promise<string[]> {
    return [...((await this.redis.send("SMEMBERS", `${this.#prefix}queues`)) as string[])].sort();
  }
}

function toJob(text: string, queue: string | undefined, standing: () => string): StoredJob[] {
  const job = jobOf(text);
  if (job === undefined) return []; // Sidekiq puts what it cannot read among the dead
  const data = argumentsOf(job, members(text).get("args") ?? "[]");
  return [{ queue: queue ?? String(job.queue), name: nameOf(job), id: `job ${job.jid}`, data, standing }];
}

/** @param at epoch seconds */
function timeText(at: number): string {
  return `${new Date(at * 1_000).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
