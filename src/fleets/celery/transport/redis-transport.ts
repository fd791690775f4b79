import { randomUUID } from "node:crypto";
import type { GateRecordStore } from "../../../brokers/gate-record.ts";
import { databaseOf, RedisConnection } from "../../../brokers/redis-connection.ts";
import { RedisGateRecord } from "../../../brokers/redis-gate-record.ts";
import { RedisMemory } from "../../../brokers/redis-memory.ts";
import { decodeWorkerEvent, type WorkerEvent } from "../protocol/events.ts";
import { binding, bindingsKey, decodeEnvelope, encodeEnvelope, fanoutChannel } from "../protocol/kombu-redis.ts";
import {
  decodeGreeting,
  decodeReply,
  encodeCommand,
  type PidboxCommand,
  type PidboxReply,
} from "../protocol/pidbox.ts";
import type { CeleryTransport, Memory } from "./transport.ts";

/** Remote control over Redis or Valkey, as kombu maps it. */
export class RedisTransport implements CeleryTransport {
  readonly records: GateRecordStore;
  readonly memory: Memory;
  onReply: (reply: PidboxReply) => void = () => {};
  unreadReplies = 0;
  readonly #redis: RedisConnection;
  /** It waits for replies, and can do nothing else meanwhile. */
  readonly #waiting: RedisConnection;
  readonly #namespace: string;
  readonly #prefix: string;
  readonly #oid = randomUUID();
  readonly #listening: RedisConnection[] = [];
  #isListening = false;
  #isClosed = false;

  private constructor(redis: RedisConnection, waiting: RedisConnection, namespace: string, prefix: string) {
    this.#redis = redis;
    this.#waiting = waiting;
    this.#namespace = namespace;
    this.#prefix = prefix;
    this.records = new RedisGateRecord(redis, `${prefix}taskmaster:gate:${namespace}`);
    this.memory = new RedisMemory(redis, `${prefix}taskmaster:gate:${namespace}:known`);
  }

  /** @param prefix kombu's `global_keyprefix` */
  static async open(address: string, namespace: string, prefix: string): Promise<RedisTransport> {
    const redis = await RedisConnection.open(address);
    try {
      const transport = new RedisTransport(redis, await RedisConnection.open(address), namespace, prefix);
      await transport.#listen();
      return transport;
    } catch (error) {
      await redis.close();
      throw error;
    }
  }

  async broadcast(command: PidboxCommand): Promise<number> {
    const mailbox = `${this.#namespace}.pidbox`;
    const body = encodeCommand(command, { exchange: this.#replies, routingKey: this.#oid });
    const got = await this.#redis.send(
      "PUBLISH",
      this.#channelOf(mailbox),
      encodeEnvelope(body, mailbox, randomUUID()),
    );
    return Number(got) - (this.#isListening ? 1 : 0); // we hear ourselves
  }

  async listenToGreetings(onGreeting: (node: string) => void): Promise<void> {
    if (this.#isListening) return;
    const connection = await RedisConnection.open(this.#redis.address);
    this.#listening.push(connection);
    await connection.subscribe(this.#channelOf(`${this.#namespace}.pidbox`), (text) => {
      const node = decodeGreeting(decodeEnvelope(text).body);
      if (node !== undefined) onGreeting(node);
    });
    this.#isListening = true;
  }

  #channelOf(exchange: string): string {
    return this.#prefix + fanoutChannel(databaseOf(this.#redis.address), exchange);
  }

  /** Redis has lists, and does not know who will take from them. */
  async consumers(): Promise<undefined> {
    return undefined;
  }

  async readers(): Promise<undefined> {
    return undefined;
  }

  async connected(): Promise<undefined> {
    return undefined;
  }

  async listenToEvents(exchange: string, onEvent: (event: WorkerEvent) => void): Promise<boolean> {
    const connection = await RedisConnection.open(this.#redis.address);
    this.#listening.push(connection);
    await connection.subscribe(`${this.#channelOf(exchange)}/worker.*`, (text) => {
      const event = decodeWorkerEvent(decodeEnvelope(text).body);
      if (event) onEvent(event);
    });
    return true;
  }

  async sendLater(): Promise<boolean> {
    return false;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#waiting.close();
    for (const connection of this.#listening) await connection.close();
    await this.#redis
      .send("SREM", this.#prefix + bindingsKey(this.#replies), binding(this.#oid, this.#queue))
      .catch(() => {}); // a dead broker has nothing to tidy up
    await this.#redis.send("DEL", this.#prefix + this.#queue).catch(() => {});
    await this.#redis.close();
  }

  get #replies(): string {
    return `reply.${this.#namespace}.pidbox`;
  }

  get #queue(): string {
    return `${this.#oid}.${this.#replies}`;
  }

  async #listen(): Promise<void> {
    await this.#redis.send("SADD", this.#prefix + bindingsKey(this.#replies), binding(this.#oid, this.#queue));
    void this.#take().catch(() => {}); // what ends it ends the other connection too, and is said there
  }

  async #take(): Promise<void> {
    while (!this.#isClosed) {
      const taken = await this.#waiting.send("BRPOP", this.#prefix + this.#queue, "5");
      if (!Array.isArray(taken)) continue;
      const { headers, body } = decodeEnvelope(String(taken[1]));
      const replies = decodeReply(headers.ticket, body);
      if (replies === undefined) this.unreadReplies += 1;
      for (const reply of replies ?? []) this.onReply(reply);
    }
  }
}
