import { members, withMembers } from "../../brokers/json-members.ts";
import { RedisJobs } from "../../brokers/redis-jobs.ts";
import type { FailedJob, FailedJobs, FailureWindow } from "../failed-jobs.ts";
import { argumentsOf, jobOf, keyPrefixOf, nameOf } from "./job.ts";

/**
 * What `SortedEntry#retry` and `Client#push` do (sidekiq/lib/sidekiq/api.rb and client.rb, versions 6 to 8), in one step: out of the set of retries or of the
 * dead, into its queue. Whoever is no longer in the set has moved on.
 */
const retryScript = `
local given = 0
for at = 2, #ARGV, 3 do
  if redis.call('ZREM', KEYS[1], ARGV[at]) == 1 then
    redis.call('SADD', ARGV[1] .. 'queues', ARGV[at + 1])
    redis.call('LPUSH', ARGV[1] .. 'queue:' .. ARGV[at + 1], ARGV[at + 2])
    given = given + 1
  end
end
return given`;

const sets = ["retry", "dead"] as const;

interface Place {
  readonly set: (typeof sets)[number];
  /** The job as it stands in the set. */
  readonly text: string;
}

export class SidekiqFailedJobs extends RedisJobs implements FailedJobs {
  readonly #prefix = keyPrefixOf(this.redis.address);

  async *pages({ from, until }: FailureWindow): AsyncGenerator<readonly FailedJob[]> {
    for (const set of sets) {
      const seen = new Set<string>(); // a scan may tell one twice
      for (let cursor = "0"; ; ) {
        const scan = ["ZSCAN", `${this.#prefix}${set}`, cursor, "COUNT", "500"];
        const [next, found] = (await this.redis.send(...scan)) as [string, string[]];
        const jobs = found.flatMap((text, index): FailedJob[] => {
          if (index % 2 === 1) return [];
          const job = readFailed({ set, text }, Number(found[index + 1]));
          if (job === undefined || job.failedAt < from || job.failedAt > until || seen.has(job.id)) return [];
          seen.add(job.id);
          return [job];
        });
        if (jobs.length > 0) yield jobs;
        if (next === "0") break;
        cursor = next;
      }
    }
  }

  async retry(jobs: readonly FailedJob[]): Promise<number> {
    let given = 0;
    for (const set of sets) {
      const told = jobs
        .filter(({ place }) => (place as Place).set === set)
        .flatMap(({ queue, place }) => [(place as Place).text, queue, givenBack((place as Place).text)]);
      if (told.length === 0) continue;
      const keys = ["EVAL", retryScript, "1", `${this.#prefix}${set}`];
      given += Number(await this.redis.send(...keys, this.#prefix, ...told));
    }
    return given;
  }
}

/** Undefined for what has never failed: `retry_later` of some extensions puts jobs there. */
function readFailed(place: Place, score: number): FailedJob | undefined {
  const job = jobOf(place.text);
  const at = Number(job?.retried_at ?? job?.failed_at ?? Number.NaN);
  if (job === undefined || Number.isNaN(at)) return undefined;
  const due = new Date(score * 1_000).toISOString().slice(0, 16).replace("T", " ");
  return {
    id: String(job.jid ?? ""),
    queue: String(job.queue ?? "default"),
    name: nameOf(job),
    error: [job.error_class, job.error_message].filter((part) => part !== undefined).join(": "),
    failedAt: inMilliseconds(at),
    standing: place.set === "dead" ? "dead" : `to be retried ${due} UTC`,
    data: () => argumentsOf(job, members(place.text).get("args") ?? "[]"),
    place,
  };
}

/** Seconds until version 7, milliseconds from 8 on. */
function inMilliseconds(at: number): number {
  return at > 1e11 ? at : at * 1_000;
}

/** Its count of retries goes down by one, since the retry that follows is no attempt of its own; and it has been enqueued now, in its own unit of time. */
function givenBack(text: string): string {
  const job = members(text);
  const isInMilliseconds = Number(job.get("failed_at") ?? job.get("created_at")) > 1e11;
  const now = isInMilliseconds ? String(Date.now()) : (Date.now() / 1_000).toFixed(3);
  const count = Number(job.get("retry_count") ?? Number.NaN);
  return withMembers(text, {
    ...(Number.isInteger(count) && { retry_count: String(count - 1) }),
    enqueued_at: now,
  });
}
