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

/** The prefix of keys that an address names: `?prefix=NAME`; in a cluster with braces around it. */
export function prefixOf(address: string): string {
  return new URL(address).searchParams.get("prefix") ?? "bull";
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
    [...names]
      .filter(isName)
      .sort()
      .map(async (name) => {
        const [paused, version] = (await redis.send("HMGET", `${prefix}:${name}:meta`, "paused", "version")) as (
          | string
          | null
        )[];
        return { name, isPaused: paused != null, version: version ?? null };
      }),
  );
}

/** A queue's name has no colon: what has one is a queue of a longer prefix, such as `bull:other`, and somebody else's. */
function isName(name: string): boolean {
  return !name.includes(":");
}

/** Of the client that wrote it; not a number where it does not say so. */
export function majorOf({ version }: BullQueue): number {
  return Number(/:(\d+)\./.exec(version ?? "")?.[1] ?? Number.NaN);
}

/** Why a queue must be left alone, or undefined. A client that does not know a version's keys may lose jobs. */
export function unknownVersion(queue: BullQueue, oldest = oldestMajor): string | undefined {
  const { name, version } = queue;
  const major = majorOf(queue);
  if (major >= oldest && major <= newestMajor) return undefined;
  return version === null
    ? `The queue ${name} does not say which BullMQ wrote it: versions before 5.20 or so do not, and Taskmaster leaves it alone.`
    : `The queue ${name} was written by ${version}; Taskmaster knows these keys of BullMQ ${oldest} to ${newestMajor} and leaves it alone.`;
}

/**
 * As each version does it in pause-7.lua. Version 5 keeps the waiting jobs of a paused queue in the list `paused`, and takes for granted that the other list is empty: a
 * person's own pause or resume would overwrite it. Version 6 leaves them where they are.
 */
const pauseScript = `
local meta, marker, events, wait, paused = unpack(KEYS)
if tonumber(ARGV[1]) < 6 then
  if redis.call('EXISTS', paused) == 0 then
    if redis.call('EXISTS', wait) == 1 then redis.call('RENAME', wait, paused) end
  else
    while redis.call('RPOPLPUSH', wait, paused) do end
  end
end
redis.call('HSET', meta, 'paused', 1)
redis.call('DEL', marker)
redis.call('XADD', events, '*', 'event', 'paused')`;

/**
 * What stands in the list `paused` comes back behind what waits, the oldest first, in portions. The queue stays paused until all have come back, so that nothing
 * overtakes them. Answers whether it is open.
 */
const resumeScript = `
local meta, marker, events, wait, paused, prioritized, delayed = unpack(KEYS)
if redis.call('EXISTS', wait) == 0 and redis.call('EXISTS', paused) == 1 then redis.call('RENAME', paused, wait) end
for _ = 1, 5000 do
  if not redis.call('RPOPLPUSH', paused, wait) then break end
end
if redis.call('EXISTS', paused) == 1 then return 0 end
redis.call('HDEL', meta, 'paused')
if redis.call('LLEN', wait) + redis.call('ZCARD', prioritized) > 0 then
  redis.call('ZADD', marker, 0, '0')
else
  local next = redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')
  if next[2] then redis.call('ZADD', marker, tonumber(next[2]) / 0x1000, '1') end
end
redis.call('XADD', events, '*', 'event', 'resumed')
return 1`;

export async function pauseQueue(redis: RedisConnection, prefix: string, queue: BullQueue): Promise<void> {
  const all = keys(prefix, queue.name, "meta", "marker", "events", "wait", "paused");
  await redis.send("EVAL", pauseScript, String(all.length), ...all, String(majorOf(queue)));
}

export async function resumeQueue(redis: RedisConnection, prefix: string, name: string): Promise<void> {
  const all = keys(prefix, name, "meta", "marker", "events", "wait", "paused", "prioritized", "delayed");
  while ((await redis.send("EVAL", resumeScript, String(all.length), ...all)) === 0);
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
