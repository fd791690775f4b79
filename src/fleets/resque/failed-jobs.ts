import { members, withMembers } from "../../brokers/json-members.ts";
import { RedisJobs } from "../../brokers/redis-jobs.ts";
import type { FailedJob, FailedJobs, FailureWindow } from "../failed-jobs.ts";
import { timeOf } from "./failure-time.ts";
import { argumentsOf, nameOf, namespaceOf, type ResquePayload } from "./job.ts";

/**
 * What `Resque::Failure.requeue` does (resque/lib/resque/failure/redis.rb and data_store.rb), in one step: the failure stays in its list and says when it was
 * retried, and the job goes to its queue. An entry that is no longer where it was read has been moved or changed by somebody else, and is left alone.
 */
const retryScript = `
local given = 0
for at = 2, #ARGV, 5 do
  if redis.call('LINDEX', KEYS[1], ARGV[at]) == ARGV[at + 1] then
    redis.call('LSET', KEYS[1], ARGV[at], ARGV[at + 2])
    redis.call('SADD', ARGV[1] .. ':queues', ARGV[at + 3])
    redis.call('RPUSH', ARGV[1] .. ':queue:' .. ARGV[at + 3], ARGV[at + 4])
    given = given + 1
  end
end
return given`;

const pageSize = 500;

interface Place {
  readonly list: string;
  readonly index: number;
  readonly text: string;
}

interface Failure {
  readonly failed_at?: string;
  readonly retried_at?: string;
  readonly payload?: ResquePayload;
  readonly exception?: string;
  readonly error?: string;
  readonly queue?: string;
  readonly worker?: string;
}

export class ResqueFailedJobs extends RedisJobs implements FailedJobs {
  readonly #prefix = namespaceOf(this.redis.address);
  readonly #offset = new URL(this.redis.address).searchParams.get("utc_offset") ?? undefined;

  async *pages({ from, until }: FailureWindow): AsyncGenerator<readonly FailedJob[]> {
    let undated = 0;
    const several = (await this.redis.send("SMEMBERS", `${this.#prefix}:failed_queues`)) as string[];
    for (const list of new Set(["failed", ...several]))
      for (let at = 0; ; at += pageSize) {
        const range = ["LRANGE", `${this.#prefix}:${list}`, String(at), String(at + pageSize - 1)];
        const found = (await this.redis.send(...range)) as string[];
        const jobs = found.flatMap((text, index): FailedJob[] => {
          const failure = readFailure(text);
          if (failure === undefined || failure.retried_at !== undefined) return [];
          const failedAt = timeOf(failure.failed_at, this.#offset);
          if (failedAt === undefined) undated += 1;
          if (failedAt === undefined || failedAt < from || failedAt > until) return [];
          return [toJob(failure, failedAt, { list, index: at + index, text })];
        });
        if (jobs.length > 0) yield jobs;
        if (found.length < pageSize) break;
      }
    this.remarks =
      undated === 0
        ? []
        : [
            `${undated} failed jobs were left out, because they do not say in which time zone they failed. Say it in the address: ?utc_offset=%2B02:00`,
          ];
  }

  async retry(jobs: readonly FailedJob[]): Promise<number> {
    const lists = new Map<string, string[]>();
    for (const { queue, place } of jobs) {
      const { list, index, text } = place as Place;
      const told = [String(index), text, retried(text, new Date()), queue, jobText(text)];
      lists.set(list, [...(lists.get(list) ?? []), ...told]);
    }
    let given = 0;
    for (const [list, told] of lists)
      given += Number(
        await this.redis.send("EVAL", retryScript, "1", `${this.#prefix}:${list}`, this.#prefix, ...told),
      );
    return given;
  }
}

/** Undefined for what is being removed: Resque blanks an entry first. */
function readFailure(text: string): Failure | undefined {
  try {
    return JSON.parse(text) as Failure;
  } catch {
    return undefined;
  }
}

function toJob({ payload, exception, error, queue, worker }: Failure, failedAt: number, place: Place): FailedJob {
  return {
    id: `${place.list} ${place.index}`,
    queue: queue ?? "",
    name: nameOf(payload),
    error: [exception, error].filter((part) => part !== undefined).join(": "),
    failedAt,
    standing: `failed on ${worker ?? "?"}`,
    data: () => JSON.stringify(argumentsOf(payload ?? {})),
    place,
  };
}

function retried(text: string, at: Date): string {
  const told = at.toISOString().slice(0, 19).replaceAll("-", "/").replace("T", " ");
  return withMembers(text, { retried_at: JSON.stringify(`${told} UTC`) });
}

/** As it was pushed the first time: its class and its arguments alone. */
function jobText(text: string): string {
  const payload = members(members(text).get("payload") ?? "{}");
  return `{"class":${payload.get("class") ?? '""'},"args":${payload.get("args") ?? "[]"}}`;
}
