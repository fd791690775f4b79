import type { AmqpConnection } from "./amqp-connection.ts";
import { AmqpKept } from "./amqp-kept.ts";

/** A text that stays in the broker until a newer one pushes it out. */
export class AmqpMemory extends AmqpKept {
  constructor(connection: AmqpConnection, queue: string) {
    super(connection, queue, { "x-max-length": 1 });
  }

  async read(): Promise<string | undefined> {
    const channel = await this.channel();
    const message = await channel.get(this.queue);
    if (message !== undefined) channel.putBack(message);
    return message?.body;
  }

  async write(text: string): Promise<void> {
    await this.put(text);
  }
}
