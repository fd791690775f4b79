import { RedisJobs } from "../../brokers/redis-jobs.ts";
import type { StoredJob, StoredJobs } from "../stored-jobs.ts";
import { argumentsOf, nameOf, namespaceOf, type ResquePayload } from "./job.ts";

const pageSize = 500;

/** What Resque has not done yet: the arguments of its jobs. Jobs are pushed on the right and taken from the left, so that a list is read from the right. */
export class ResqueStoredJobs extends RedisJobs implements StoredJobs {
  readonly #prefix = namespaceOf(this.redis.address);

  async extent() {
    const queues = await this.#queues();
    const lists = [...queues.map((queue) => `queue:${queue}`), "failed"];
    const counts = await this.redis.sendAll(lists.map((list) => ["LLEN", `${this.#prefix}:${list}`]));
    return { queues, jobs: counts.reduce<number>((sum, count) => sum + Number(count), 0) };
  }

  async *pages(): AsyncGenerator<readonly StoredJob[]> {
    for (const queue of await this.#queues())
      for await (const texts of this.#list(`queue:${queue}`))
        yield texts.flatMap((text) => toJob(read<ResquePayload>(text), queue, "waiting"));
    for await (const texts of this.#list("failed"))
      yield texts.flatMap((text) => {
        const failure = read<Failure>(text);
        if (failure === undefined || failure.retried_at !== undefined) return []; // it waits again, or has run
        return toJob(failure.payload, failure.queue ?? "", `failed ${failure.failed_at ?? ""}`);
      });
  }

  async *#list(name: string): AsyncGenerator<string[]> {
    for (let from = 1; ; from += pageSize) {
      const range = [String(-(from + pageSize - 1)), String(-from)];
      const found = (await this.redis.send("LRANGE", `${this.#prefix}:${name}`, ...range)) as string[];
      yield found.toReversed();
      if (found.length < pageSize) break;
    }
  }

  async #queues(): Promise<string[]> {
    return [...((await this.redis.send("SMEMBERS", `${this.#prefix}:queues`)) as string[])].sort();
  }
}

interface Failure {
  readonly failed_at?: string;
  readonly retried_at?: string;
  readonly queue?: string;
  readonly payload?: ResquePayload;
}

function read<T>(text: string): T | undefined {
  try {
    return JSON.parse(text) as T;
  } catch {
    return undefined;
  }
}

/** Resque's jobs have no numbers. */
function toJob(payload: ResquePayload | undefined, queue: string, standing: string): StoredJob[] {
  if (payload === undefined) return [];
  const data = JSON.stringify(argumentsOf(payload));
  return [{ queue, name: nameOf(payload), id: "a job", data, standing: () => standing }];
}
