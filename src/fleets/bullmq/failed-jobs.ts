import { RedisJobs } from "../../brokers/redis-jobs.ts";
import type { FailedJob, FailedJobs, FailureWindow } from "../failed-jobs.ts";
import { type BullQueue, listQueues, majorOf, prefixOf, unknownVersion } from "./queues.ts";

/** The oldest version whose way to give a job back is known here. */
const oldestMajor = 4;
const pageSize = 500;

/**
 * What `job.retry()` does (reprocessJob in bullmq/dist/cjs/commands), for several jobs of a queue. It leaves a job alone that has moved on: it is no longer
 * failed, or has failed anew. Versions differ: 4 knows no marker, since its workers wait for the list itself; 4 and 5 keep the jobs of a paused queue in a list
 * of their own, and put one with a priority among the others.
 */
const retryScript = `
local failed, meta, active, wait, paused, prioritized, counter, marker, events = unpack(KEYS)
local base, major = ARGV[1], tonumber(ARGV[2])
local given = 0
for at = 3, #ARGV, 2 do
  local id = ARGV[at]
  local key = base .. id
  if redis.call('ZSCORE', failed, id) == ARGV[at + 1] and redis.call('EXISTS', key) == 1 then
    redis.call('ZREM', failed, id)
    redis.call('HDEL', key, 'finishedOn', 'processedOn', 'failedReason')
    local settings = redis.call('HMGET', meta, 'paused', 'concurrency', 'opts.maxLenEvents')
    local standsStill = settings[1] or (major > 4 and settings[2] and redis.call('LLEN', active) >= tonumber(settings[2]))
    local job = redis.call('HMGET', key, 'priority', 'opts', 'parentKey')
    local priority = tonumber(job[1]) or 0
    if major > 5 and priority > 0 then
      redis.call('ZADD', prioritized, priority * 0x100000000 + redis.call('INCR', counter) % 0x100000000, id)
    else
      local isLifo = job[2] and cjson.decode(job[2]).lifo
      redis.call(isLifo and 'RPUSH' or 'LPUSH', settings[1] and major < 6 and paused or wait, id)
    end
    if major > 4 and not standsStill then redis.call('ZADD', marker, 0, '0') end
    if major > 4 and job[3] and redis.call('EXISTS', job[3]) == 1 then
      if redis.call('ZREM', job[3] .. ':unsuccessful', key) == 1 or redis.call('HDEL', job[3] .. ':failed', key) == 1 then
        redis.call('SADD', job[3] .. ':dependencies', key)
      end
    end
    redis.call('XADD', events, 'MAXLEN', '~', settings[3] or 10000, '*', 'event', 'waiting', 'jobId', id, 'prev', 'failed')
    given = given + 1
  end
end
return given`;

interface Place {
  readonly queue: BullQueue;
  readonly id: string;
  /** As Redis writes it. */
  readonly score: string;
}

export class BullmqFailedJobs extends RedisJobs implements FailedJobs {
  readonly #prefix = prefixOf(this.redis.address);

  async *pages(window: FailureWindow): AsyncGenerator<readonly FailedJob[]> {
    const queues = await listQueues(this.redis, this.#prefix);
    this.remarks =
      queues.length === 0
        ? [`There is no queue of BullMQ with the prefix ${this.#prefix}. Another prefix: ?prefix=NAME.`]
        : queues.flatMap((queue) => unknownVersion(queue, oldestMajor) ?? []);
    for (const queue of queues)
      if (unknownVersion(queue, oldestMajor) === undefined) yield* this.#pagesOf(queue, window);
  }

  /** By the time of failure, which is the score: what is given back meanwhile does not shift what is still to be read. */
  async *#pagesOf(queue: BullQueue, { from, until }: FailureWindow): AsyncGenerator<FailedJob[]> {
    let after = String(from);
    const seen = new Set<string>(); // of the score that a page ended with
    for (;;) {
      const limit = ["LIMIT", "0", String(pageSize + seen.size)];
      const found = (await this.redis.send(
        ...["ZRANGEBYSCORE", this.#key(queue, "failed"), after, String(until), "WITHSCORES", ...limit],
      )) as string[];
      const places = found.flatMap((id, index): Place[] =>
        index % 2 === 0 && !seen.has(id) ? [{ queue, id, score: found[index + 1] ?? "" }] : [],
      );
      if (places.length === 0) return;
      const last = places.at(-1)?.score ?? after;
      if (last !== after) seen.clear();
      for (const { id, score } of places) if (score === last) seen.add(id);
      after = last;
      yield await this.#read(places);
    }
  }

  async #read(places: readonly Place[]): Promise<FailedJob[]> {
    const hashes = (await this.redis.sendAll(
      places.map(({ queue, id }) => ["HMGET", this.#key(queue, id), "name", "failedReason", "data"]),
    )) as (string | null)[][];
    return places.flatMap((place, index): FailedJob[] => {
      const [name, error, data] = hashes[index] ?? [];
      if (name == null) return []; // deleted meanwhile
      const { queue, id, score } = place;
      const failed = { failedAt: Number(score), standing: "failed", error: error ?? "" };
      return [{ id, queue: queue.name, name, ...failed, data: () => data ?? "{}", place }];
    });
  }

  async retry(jobs: readonly FailedJob[]): Promise<number> {
    const byQueue = new Map<BullQueue, Place[]>();
    for (const { place } of jobs) {
      const { queue } = place as Place;
      byQueue.set(queue, [...(byQueue.get(queue) ?? []), place as Place]);
    }
    let given = 0;
    for (const [queue, places] of byQueue) {
      const keys = ["failed", "meta", "active", "wait", "paused", "prioritized", "pc", "marker", "events"];
      const named = keys.map((name) => this.#key(queue, name));
      const told = places.flatMap(({ id, score }) => [id, score]);
      given += Number(
        await this.redis.send(
          ...[
            "EVAL",
            retryScript,
            String(named.length),
            ...named,
            this.#key(queue, ""),
            String(majorOf(queue)),
            ...told,
          ],
        ),
      );
    }
    return given;
  }

  #key({ name }: BullQueue, key: string): string {
    return `${this.#prefix}:${name}:${key}`;
  }
}
