import { RedisConnection } from "./redis-connection.ts";
import { RedisSide } from "./redis-side.ts";

/** What looks at the jobs of an existing queue in Redis: those that are stored, those that have failed. */
export abstract class RedisJobs extends RedisSide {
  /**
   * @param kind for people: `bullmq`
   * @throws {BrokerUnreachableError | BrokerRefusedError}
   */
  static async open<Jobs>(
    this: new (
      kind: string,
      redis: RedisConnection,
    ) => Jobs,
    kind: string,
    address: string,
  ): Promise<Jobs> {
    return new this(kind, await RedisConnection.open(address));
  }

  /** Public, so that `open` may call it. */
  constructor(kind: string, redis: RedisConnection) {
    super(kind, redis);
  }
}
