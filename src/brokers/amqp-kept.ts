import type { AmqpChannel } from "./amqp-channel.ts";
import type { AmqpTable } from "./amqp-codec.ts";
import type { AmqpConnection } from "./amqp-connection.ts";

/** A text that stays in the broker, as the one message of a durable queue. */
export abstract class AmqpKept {
  protected readonly connection: AmqpConnection;
  protected readonly queue: string;
  readonly #settings: AmqpTable;
  #channel: Promise<AmqpChannel> | undefined;

  /** @param settings what the queue is declared with: always the same, since a broker refuses others */
  protected constructor(connection: AmqpConnection, queue: string, settings: AmqpTable) {
    this.connection = connection;
    this.queue = queue;
    this.#settings = settings;
  }

  /** Opened when it is first needed, and then the queue is there. */
  protected channel(): Promise<AmqpChannel> {
    this.#channel ??= this.#open();
    return this.#channel;
  }

  protected async put(text: string): Promise<void> {
    const channel = await this.channel();
    await channel.publish("", this.queue, text, { contentType: "application/json", persistent: true });
  }

  async #open(): Promise<AmqpChannel> {
    const channel = await this.connection.channel();
    await channel.declareQueue(this.queue, { durable: true, arguments: this.#settings });
    return channel;
  }
}
