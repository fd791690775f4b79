import { randomUUID } from "node:crypto";
import type { AmqpChannel } from "../../../brokers/amqp-channel.ts";
import { AmqpConnection } from "../../../brokers/amqp-connection.ts";
import { AmqpGateRecord } from "../../../brokers/amqp-gate-record.ts";
import { AmqpMemory } from "../../../brokers/amqp-memory.ts";
import { BrokerRefusedError } from "../../../brokers/broker-error.ts";
import type { GateRecordStore } from "../../../brokers/gate-record.ts";
import { decodeWorkerEvent, type WorkerEvent } from "../protocol/events.ts";
import {
  decodeGreeting,
  decodeReply,
  encodeCommand,
  type PidboxCommand,
  type PidboxReply,
} from "../protocol/pidbox.ts";
import { Management } from "./management.ts";
import type { CeleryTransport, Memory } from "./transport.ts";

const json = { contentType: "application/json", contentEncoding: "utf-8" };

const apartMs = 200;

/** Remote control over RabbitMQ. No header of ours is a number (see the writer of field tables). */
export class AmqpTransport implements CeleryTransport {
  readonly records: GateRecordStore;
  readonly memory: Memory;
  onReply: (reply: PidboxReply) => void = () => {};
  unreadReplies = 0;
  readonly #connection: AmqpConnection;
  readonly #channel: AmqpChannel;
  readonly #namespace: string;
  readonly #management: Management | undefined;
  readonly #oid = randomUUID();
  #laterQueue: AmqpChannel | undefined;
  #isListening = false;
  #isAnybodyThere = true;

  private constructor(connection: AmqpConnection, channel: AmqpChannel, namespace: string) {
    this.#connection = connection;
    this.#channel = channel;
    this.#namespace = namespace;
    this.records = new AmqpGateRecord(connection, `taskmaster.gate.${namespace}`);
    this.memory = new AmqpMemory(connection, `taskmaster.gate.${namespace}.known`);
    this.#management = Management.of(connection.address);
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

  /** RabbitMQ does not count mailboxes, but it says when there is none. */
  async broadcast(command: PidboxCommand): Promise<number | undefined> {
    const replyTo = { exchange: this.#replies, routingKey: this.#oid };
    const body = encodeCommand(command, replyTo);
    const isRouted = await this.#channel.publish(this.#mailbox, "", body, { ...json, headers: {} });
    if (!this.#isListening) this.#isAnybodyThere = isRouted;
    return this.#isAnybodyThere ? undefined : 0;
  }

  async listenToGreetings(onGreeting: (node: string) => void): Promise<void> {
    if (this.#isListening) return;
    this.#isListening = true; // a mailbox of our own: from now on there is always one
    const channel = await this.#connection.channel();
    const queue = `taskmaster.${this.#oid}.${this.#mailbox}`;
    await channel.declareQueue(queue, { exclusive: true, autoDelete: true });
    await channel.bindQueue(queue, this.#mailbox, "");
    await channel.consume(queue, ({ body }) => {
      const node = decodeGreeting(body);
      if (node === undefined) return;
      this.#isAnybodyThere = true;
      onGreeting(node);
    });
  }

  async listenToEvents(exchange: string, onEvent: (event: WorkerEvent) => void): Promise<boolean> {
    const find = async (channel: AmqpChannel) => {
      await channel.findExchange(exchange);
      return true;
    };
    if (!(await this.#tried(find, { "403": false, "404": false }))) return false;
    const channel = await this.#connection.channel();
    const queue = `taskmaster.${this.#oid}.${exchange}`;
    await channel.declareQueue(queue, { exclusive: true, autoDelete: true });
    await channel.bindQueue(queue, exchange, "worker.#");
    await channel.consume(queue, ({ body }) => {
      const event = decodeWorkerEvent(body);
      if (event) onEvent(event);
    });
    return true;
  }

  async connected(): Promise<readonly string[] | undefined> {
    const mailboxes = await this.#management?.boundTo(this.#mailbox);
    return mailboxes
      ?.filter((mailbox) => !mailbox.startsWith("taskmaster."))
      .map((mailbox) => mailbox.replace(`.${this.#mailbox}`, ""));
  }

  async consumers(queue: string): Promise<number | undefined> {
    return this.#tried(async (channel) => (await channel.countQueue(queue)).consumers, { "404": 0, "405": undefined });
  }

  /** A worker's mailbox is a queue that goes with its connection. Where others may not look at it (405), it is there, and one alone reads it. */
  async readers(node: string): Promise<number | undefined> {
    const mailbox = `${node}.${this.#namespace}.pidbox`;
    return this.#tried(async (channel) => (await channel.countQueue(mailbox)).consumers, { "404": 0, "405": 1 });
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
    for (const [index, command] of commands.entries())
      await this.#laterQueue.publish("", queue, encodeCommand(command), {
        ...json,
        headers: {},
        persistent: true,
        expiresMs: ms + index * apartMs, // what a worker gets at once it does in any order
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
      const replies = decodeReply(headers.ticket, body);
      if (replies === undefined) this.unreadReplies += 1;
      this.#isAnybodyThere = true;
      for (const reply of replies ?? []) this.onReply(reply);
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
