import type { AmqpChannel } from "./amqp-channel.ts";
import type { AmqpConnection } from "./amqp-connection.ts";

/** A text that stays in the broker, as the one message of a durable queue: a newer one pushes it out. */
export class AmqpMemory {
  readonly #connection: AmqpConnection;
  readonly #queue: string;
  #channel: AmqpChannel | undefined;

  constructor(connection: AmqpConnection, queue: string) {
    this.#connection = connection;
    this.#queue = queue;
  }

  async read(): Promise<string | undefined> {
    const channel = await this.#open();
    const message = await channel.get(this.#queue);
    if (message !== undefined) channel.putBack(message);
    return message?.body;
  }

  async write(text: string): Promise<void> {
    const channel = await this.#open();
    await channel.publish("", this.#queue, text, { contentType: "application/json", persistent: true });
  }

  async #open(): Promise<AmqpChannel> {
    if (this.#channel === undefined) {
      this.#channel = await this.#connection.channel();
      await this.#channel.declareQueue(this.#queue, { durable: true, arguments: { "x-max-length": 1 } });
    }
    return this.#channel;
  }
}
