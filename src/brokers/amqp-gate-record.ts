import type { AmqpChannel } from "./amqp-channel.ts";
import type { AmqpConnection } from "./amqp-connection.ts";
import { AmqpKept } from "./amqp-kept.ts";
import type { AmqpMessage } from "./amqp-message.ts";
import { BrokerRefusedError } from "./broker-error.ts";
import type { GateRecord, GateRecordStore } from "./gate-record.ts";

/**
 * The record of a closed gate as the one message of a durable queue. Whoever has taken the message and not settled it yet is alone with it: that is the lock.
 * Before there is a message, the lock is a queue that only one connection can have declared; it goes with the connection.
 */
export class AmqpGateRecord extends AmqpKept implements GateRecordStore {
  constructor(connection: AmqpConnection, queue: string) {
    super(connection, queue, {});
  }

  async read(): Promise<GateRecord | undefined> {
    return this.#withMessage(async (message, channel) => {
      if (message === undefined) return undefined;
      channel.putBack(message);
      return recordOf(message);
    });
  }

  async take(record: GateRecord): Promise<GateRecord | undefined> {
    const lock = await this.#lock();
    try {
      return await this.#withMessage(async (message, channel) => {
        if (message === undefined) {
          await this.put(JSON.stringify(record));
          return undefined;
        }
        channel.putBack(message);
        return recordOf(message);
      });
    } finally {
      await lock.deleteQueue(`${this.queue}.lock`);
      await lock.close();
    }
  }

  async replace(record: GateRecord): Promise<boolean> {
    return this.#settle(record.id, () => this.put(JSON.stringify(record)));
  }

  async drop(id: string): Promise<boolean> {
    return this.#settle(id, async () => {});
  }

  #settle(id: string, instead: () => Promise<void>): Promise<boolean> {
    return this.#withMessage(async (message, channel) => {
      if (message === undefined) return false;
      if (recordOf(message).id !== id) {
        channel.putBack(message);
        return false;
      }
      await instead();
      channel.ack(message);
      return true;
    });
  }

  /** Another program may be looking at it for a moment: only what stays away is not there. */
  async #withMessage<T>(use: (message: AmqpMessage | undefined, channel: AmqpChannel) => Promise<T>): Promise<T> {
    const channel = await this.channel();
    let message = await channel.get(this.queue);
    for (let tries = 0; message === undefined && tries < 5; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 40));
      message = await channel.get(this.queue);
    }
    return use(message, channel);
  }

  async #lock(): Promise<AmqpChannel> {
    for (;;) {
      const channel = await this.connection.channel();
      try {
        await channel.declareQueue(`${this.queue}.lock`, { exclusive: true, autoDelete: true });
        return channel;
      } catch (error) {
        if (!(error instanceof BrokerRefusedError) || error.reason !== "405") throw error; // 405: another connection has it
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }
}

function recordOf({ body }: AmqpMessage): GateRecord {
  return JSON.parse(body) as GateRecord;
}
