import type { RedisConnection } from "../../brokers/redis-connection.ts";
import { nameOf } from "./job.ts";

/** Sidekiq's processes by their own keys (sidekiq/lib/sidekiq/launcher.rb and api.rb, versions 6 to 8). Each writes them with its heartbeat, every 5 to 10 seconds. */
export interface SidekiqProcess {
  /** `host:pid:nonce`. */
  readonly identity: string;
  readonly isQuiet: boolean;
  /** Epoch milliseconds. */
  readonly beat: number;
  readonly works: readonly SidekiqWork[];
}

export interface SidekiqWork {
  readonly id: string;
  readonly task: string;
  readonly since: Date;
  /** `sidekiq_options interruptible: true` travels in the payload. */
  readonly isInterruptible: boolean;
}

/** Those that live: the hash of one that has died expires after a minute. */
export async function listProcesses(redis: RedisConnection, prefix: string): Promise<SidekiqProcess[]> {
  const identities = (await redis.send("SMEMBERS", `${prefix}processes`)) as string[];
  const processes = await Promise.all(identities.map((identity) => readProcess(redis, prefix, identity)));
  return processes.flatMap((each) => each ?? []);
}

async function readProcess(
  redis: RedisConnection,
  prefix: string,
  identity: string,
): Promise<SidekiqProcess | undefined> {
  const key = `${prefix}${identity}`;
  const [beat, quiet] = (await redis.send("HMGET", key, "beat", "quiet")) as (string | null)[];
  if (beat == null) return undefined;
  const works: SidekiqWork[] = [];
  for (const name of ["work", "workers"]) {
    // `workers` until version 6
    const fields = (await redis.send("HVALS", `${key}:${name}`)) as string[];
    works.push(...fields.map(readWork));
  }
  return { identity, isQuiet: quiet === "true", beat: Number(beat) * 1_000, works };
}

function readWork(text: string): SidekiqWork {
  const { run_at, payload } = JSON.parse(text) as { run_at: number; payload: string | Record<string, unknown> };
  const job = typeof payload === "string" ? (JSON.parse(payload) as Record<string, unknown>) : payload;
  return {
    id: String(job.jid ?? ""),
    task: nameOf(job),
    since: new Date(run_at > 1e11 ? run_at : run_at * 1_000), // milliseconds from version 8 on
    isInterruptible: job.interruptible === true,
  };
}

/** As Sidekiq's own API does it: the process takes the signal at its next heartbeat. There is no way back (sidekiq#4336). */
export async function quietProcess(redis: RedisConnection, prefix: string, identity: string): Promise<void> {
  await redis.send("LPUSH", `${prefix}${identity}-signals`, "TSTP");
  await redis.send("EXPIRE", `${prefix}${identity}-signals`, "60");
}
