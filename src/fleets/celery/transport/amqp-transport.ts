import { randomUUID } from "node:crypto";
import type { AmqpChannel } from "../../../brokers/amqp-channel.ts";
import { AmqpConnection } from "../../../brokers/amqp-connection.ts";
import { AmqpGateRecord } from "../../../brokers/amqp-gate-record.ts";
import { BrokerRefusedError } from "../../../brokers/broker-error.ts";
import type { GateRecordStore } from "../../../brokers/gate-record.ts";
import { decodeReply, encodeCommand, type PidboxCommand, type PidboxReply } from "../protocol/pidbox.ts";
import type { CeleryTransport } from "./transport.ts";

const json = { contentType: "application/json", contentEncoding: "utf-8" };

/** Remote control over RabbitMQ. No header of ours is a number (see the writer of field tables). */
export class AmqpTransport implements CeleryTransport {
  readonly records: GateRecordStore;
  onReply: (reply: PidboxReply) => void = () => {};
  readonly #connection: AmqpConnection;
  readonly #channel: AmqpChannel;
  readonly #namespace: string;
  readonly #oid = randomUUID();
  #laterQueue: AmqpChannel | undefined;

  private constructor(connection: AmqpConnection, channel: AmqpChannel, namespace: string) {
    this.#connection = connection;
    this.#channel = channel;
    this.#namespace = namespace;
    this.records = new AmqpGateRecord(connection, `taskmaster.gate.${namespace}`);
  }

  static async open(address: string, namespace: string): Promise<AmqpTransport> {
    const connection = await AmqpConnection.open(address);
    try {
      const transport = new AmqpTransport(connection, await connection.channel(), namespace);
      await transport.#listen();
      return transport;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  async broadcast(command: PidboxCommand): Promise<undefined> {
    const replyTo = { exchange: this.#replies, routingKey: this.#oid };
    await this.#channel.publish(this.#mailbox, "", encodeCommand(command, replyTo), { ...json, headers: {} });
  }

  async consumers(queue: string): Promise<number | undefined> {
    return this.#tried(async (channel) => (await channel.countQueue(queue)).consumers, { "404": 0, "405": undefined });
  }

  /** A worker's mailbox is a queue that goes with its connection. Where others may not look at it (405), it is there. */
  async isConnected(node: string): Promise<boolean | undefined> {
    const mailbox = `${node}.${this.#namespace}.pidbox`;
    return this.#tried(async (channel) => (await channel.countQueue(mailbox)).consumers > 0, {
      "404": false,
      "405": true,
    });
  }

  /** They wait in a queue, and leave it for the mailbox of all when their time has come: it is the broker that opens after a dead deployer. */
  async sendLater(commands: readonly PidboxCommand[], ms: number): Promise<boolean> {
    const queue = `taskmaster.gate.${this.#namespace}.lease`;
    if (this.#laterQueue === undefined) {
      this.#laterQueue = await this.#connection.channel();
      const later = { "x-dead-letter-exchange": this.#mailbox, "x-dead-letter-routing-key": "" };
      await this.#laterQueue.declareQueue(queue, { durable: true, arguments: later });
    }
    await this.#laterQueue.purgeQueue(queue);
    for (const command of commands)
      await this.#laterQueue.publish("", queue, encodeCommand(command), {
        ...json,
        headers: {},
        persistent: true,
        expiresMs: ms,
      });
    return true;
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  get #mailbox(): string {
    return `${this.#namespace}.pidbox`;
  }

  get #replies(): string {
    return `reply.${this.#namespace}.pidbox`;
  }

  async #listen(): Promise<void> {
    await this.#exchange(this.#mailbox, "fanout");
    await this.#exchange(this.#replies, "direct");
    const queue = `${this.#oid}.${this.#replies}`;
    const channel = await this.#connection.channel();
    await channel.declareQueue(queue, { exclusive: true, autoDelete: true });
    await channel.bindQueue(queue, this.#replies, this.#oid);
    await channel.consume(queue, ({ headers, body }) => {
      for (const reply of decodeReply(headers.ticket, body)) this.onReply(reply);
    });
  }

  /** As kombu declares it. Where a worker has declared it otherwise (406), it is there all the same. */
  async #exchange(name: string, type: string): Promise<void> {
    await this.#tried((channel) => channel.declareExchange(name, type, false), { "406": undefined });
  }

  /** On a channel of its own, for a refusal ends the channel. */
  async #tried<T>(
    call: (channel: AmqpChannel) => Promise<T>,
    refusals: Readonly<Record<string, T | undefined>>,
  ): Promise<T | undefined> {
    const channel = await this.#connection.channel();
    try {
      const answer = await call(channel);
      await channel.close();
      return answer;
    } catch (error) {
      if (error instanceof BrokerRefusedError && error.reason in refusals) return refusals[error.reason];
      throw error;
    }
  }
}
