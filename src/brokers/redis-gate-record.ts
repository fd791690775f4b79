import type { GateRecord, GateRecordStore } from "./gate-record.ts";
import type { RedisConnection } from "./redis-connection.ts";

const replaceScript = `
local now = redis.call('GET', KEYS[1])
if not now or cjson.decode(now).id ~= ARGV[1] then return 0 end
if ARGV[2] == '' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[2]) end
return 1`;

/** The record of a closed gate as one key of Redis. */
export class RedisGateRecord implements GateRecordStore {
  readonly #redis: RedisConnection;
  readonly #key: string;

  constructor(redis: RedisConnection, key: string) {
    this.#redis = redis;
    this.#key = key;
  }

  async read(): Promise<GateRecord | undefined> {
    const text = await this.#redis.send("GET", this.#key);
    return typeof text === "string" ? (JSON.parse(text) as GateRecord) : undefined;
  }

  async take(record: GateRecord): Promise<GateRecord | undefined> {
    for (;;) {
      if ((await this.#redis.send("SET", this.#key, JSON.stringify(record), "NX")) === "OK") return undefined;
      const held = await this.read();
      if (held !== undefined) return held;
    }
  }

  async replace(record: GateRecord): Promise<boolean> {
    return (await this.#redis.send("EVAL", replaceScript, "1", this.#key, record.id, JSON.stringify(record))) === 1;
  }

  async drop(id: string): Promise<boolean> {
    return (await this.#redis.send("EVAL", replaceScript, "1", this.#key, id, "")) === 1;
  }
}
