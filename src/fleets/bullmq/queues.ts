import { BrokerRefusedError } from "../../brokers/broker-error.ts";
import type { RedisConnection } from "../../brokers/redis-connection.ts";

/**
 * BullMQ's queues by their own keys, `<prefix>:<queue>:…` (https://docs.bullmq.io/guide/architecture and bullmq/dist/cjs/scripts). A queue is paused by the field
 * `paused` of its hash `meta`: every version from 5 on looks at it in the script that hands a job to a worker, so that it holds at once.
 */
export interface BullQueue {
  readonly name: string;
  readonly isPaused: boolean;
  /** As its newest client wrote it: `bullmq:6.7.0`. */
  readonly version: string | null;
}

export interface ActiveJob {
  readonly queue: string;
  readonly id: string;
  readonly name: string;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  /** Of the worker that renews it; without a lock the job is stalled. */
  readonly lock: string | null;
  /** A field of the job's own options. */
  readonly isInterruptible: boolean;
}

/** The newest major version whose keys are known here. */
const newestMajor = 6;
const oldestMajor = 5;

export async function listQueues(redis: RedisConnection, prefix: string): Promise<BullQueue[]> {
  const names = new Set<string>();
  const pattern = `${prefix.replace(/[[\]*?\\]/g, "\\$&")}:*:meta`;
  let cursor = "0";
  do {
    const [next, keys] = (await redis.send("SCAN", cursor, "MATCH", pattern, "COUNT", "1000")) as [string, string[]];
    for (const key of keys) names.add(key.slice(prefix.length + 1, -":meta".length));
    cursor = next;
  } while (cursor !== "0");
  return Promise.all(
    [...names].sort().map(async (name) => {
      const [paused, version] = (await redis.send("HMGET", `${prefix}:${name}:meta`, "paused", "version")) as (
        | string
        | null
      )[];
      return { name, isPaused: paused != null, version: version ?? null };
    }),
  );
}

/** Why a queue must be left alone, or undefined. A client that does not know a version's keys may lose jobs. */
export function unknownVersion({ name, version }: BullQueue): string | undefined {
  const major = Number(/:(\d+)\./.exec(version ?? "")?.[1] ?? Number.NaN);
  if (major >= oldestMajor && major <= newestMajor) return undefined;
  return version === null
    ? `The queue ${name} does not say which BullMQ wrote it: before version ${oldestMajor} a pause works otherwise, and Taskmaster leaves it alone.`
    : `The queue ${name} was written by ${version}; Taskmaster knows the keys of BullMQ ${oldestMajor} to ${newestMajor} and leaves it alone.`;
}

/** As BullMQ 6 does it in pause-7.lua. Version 5 would also rename its list of waiting jobs, which its workers do not need in order to stop. */
const pauseScript = `
redis.call('HSET', KEYS[1], 'paused', 1)
redis.call('DEL', KEYS[2])
redis.call('XADD', KEYS[3], '*', 'event', 'paused')`;

/** As BullMQ 6 does it: jobs that version 5 has put into its list \`paused\` come back to the waiting ones, in portions. */
const resumeScript = `
redis.call('HDEL', KEYS[1], 'paused')
local jobs = redis.call('LRANGE', KEYS[5], 0, 6999)
if #jobs > 0 then
  redis.call('RPUSH', KEYS[4], unpack(jobs))
  redis.call('LTRIM', KEYS[5], #jobs, -1)
end
if redis.call('LLEN', KEYS[4]) + redis.call('ZCARD', KEYS[6]) > 0 then
  redis.call('ZADD', KEYS[2], 0, '0')
else
  local delayed = redis.call('ZRANGE', KEYS[7], 0, 0, 'WITHSCORES')
  if delayed[2] then redis.call('ZADD', KEYS[2], tonumber(delayed[2]) / 0x1000, '1') end
end
redis.call('XADD', KEYS[3], '*', 'event', 'resumed')
return redis.call('LLEN', KEYS[5])`;

export async function pauseQueue(redis: RedisConnection, prefix: string, name: string): Promise<void> {
  await redis.send("EVAL", pauseScript, "3", ...keys(prefix, name, "meta", "marker", "events"));
}

export async function resumeQueue(redis: RedisConnection, prefix: string, name: string): Promise<void> {
  const all = keys(prefix, name, "meta", "marker", "events", "wait", "paused", "prioritized", "delayed");
  while (Number(await redis.send("EVAL", resumeScript, String(all.length), ...all)) > 0);
}

export async function activeJobs(redis: RedisConnection, prefix: string, queue: string): Promise<ActiveJob[]> {
  const [list = ""] = keys(prefix, queue, "active");
  const ids = (await redis.send("LRANGE", list, "0", "-1")) as string[];
  return Promise.all(
    ids.map(async (id) => {
      const key = `${prefix}:${queue}:${id}`;
      const [name, processedOn, opts] = (await redis.send("HMGET", key, "name", "processedOn", "opts")) as (
        | string
        | null
      )[];
      const lock = (await redis.send("GET", `${key}:lock`)) as string | null;
      return {
        queue,
        id,
        name: name ?? "",
        startedAt: Number(processedOn ?? Date.now()),
        lock,
        isInterruptible: (JSON.parse(opts ?? "{}") as { interruptible?: unknown }).interruptible === true,
      };
    }),
  );
}

/**
 * Connections of workers to a queue, by the names that BullMQ gives them: `<prefix>:<queue in base64>`. Answers undefined where this user may not
 * ask who is connected, as with some hosted Redis.
 */
export async function workersOf(redis: RedisConnection, prefix: string, queues: readonly string[]) {
  const answer = await redis.send("CLIENT", "LIST").catch((error: unknown) => {
    if (error instanceof BrokerRefusedError) return undefined;
    throw error;
  });
  if (answer === undefined) return undefined;
  const list = String(answer);
  const names = new Map(queues.map((queue) => [`${prefix}:${Buffer.from(queue).toString("base64")}`, queue]));
  return list.split("\n").flatMap((line) => {
    const [, name = ""] = / name=(\S*)/.exec(line) ?? [];
    const [, address = ""] = / addr=(\S+)/.exec(line) ?? [];
    const queue = [...names].find(([prefixed]) => name === prefixed || name.startsWith(`${prefixed}:w:`))?.[1];
    return queue === undefined ? [] : [{ queue, address }];
  });
}

function keys(prefix: string, queue: string, ...names: readonly string[]): string[] {
  return names.map((name) => `${prefix}:${queue}:${name}`);
}
