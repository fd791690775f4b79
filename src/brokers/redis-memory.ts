import type { RedisConnection } from "./redis-connection.ts";

/** A text that stays in the broker, as a key of Redis. */
export class RedisMemory {
  readonly #redis: RedisConnection;
  readonly #key: string;

  constructor(redis: RedisConnection, key: string) {
    this.#redis = redis;
    this.#key = key;
  }

  async read(): Promise<string | undefined> {
    const text = await this.#redis.send("GET", this.#key);
    return typeof text === "string" ? text : undefined;
  }

  async write(text: string): Promise<void> {
    await this.#redis.send("SET", this.#key, text);
  }
}
