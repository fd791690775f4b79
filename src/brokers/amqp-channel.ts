import { AmqpReader, type AmqpTable, AmqpWriter } from "./amqp-codec.ts";
import type { AmqpConnection } from "./amqp-connection.ts";
import { type AmqpMessage, type AmqpProperties, contentHeader, readContentHeader } from "./amqp-message.ts";
import { BrokerRefusedError, withoutPassword } from "./broker-error.ts";

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

interface Answer {
  readonly name: string;
  readonly reader: AmqpReader;
  readonly message?: AmqpMessage;
  /** What was published came back before it was confirmed. */
  readonly wasReturned?: boolean;
}

interface QueueOptions {
  readonly durable?: boolean;
  readonly exclusive?: boolean;
  readonly autoDelete?: boolean;
  readonly arguments?: AmqpTable;
}

export interface QueueCounts {
  readonly messages: number;
  readonly consumers: number;
}

const content = { deliver: "60.60", getOk: "60.71", returned: "60.50" };
const confirmed = "60.80";

/** A channel: calls go out one after the other, and each waits for its answer. An error of the broker ends the channel, not the connection. */
export class AmqpChannel {
  readonly #connection: AmqpConnection;
  readonly #id: number;
  readonly #waiting: Waiting[] = [];
  #turn: Promise<unknown> = Promise.resolve();
  #ended: Error | undefined;
  #incoming: { name: string; reader: AmqpReader; size: number; headers: AmqpTable; parts: Buffer[] } | undefined;
  #onMessage: ((message: AmqpMessage) => void) | undefined;
  #wasReturned = false;

  constructor(connection: AmqpConnection, id: number) {
    this.#connection = connection;
    this.#id = id;
  }

  async open(): Promise<void> {
    await this.#call(20, 10, (writer) => writer.shortString(""));
    await this.#call(85, 10, (writer) => writer.bits(false)); // publisher confirms: what was published is at the broker
  }

  async close(): Promise<void> {
    if (this.#ended) return;
    await this.#call(20, 40, (writer) => writer.short(200).shortString("").short(0).short(0));
    this.#connection.forget(this.#id);
  }

  async declareExchange(name: string, type: string, durable: boolean): Promise<void> {
    await this.#call(40, 10, (writer) =>
      writer.short(0).shortString(name).shortString(type).bits(false, durable, false, false, false).table({}),
    );
  }

  async declareQueue(name: string, options: QueueOptions): Promise<QueueCounts> {
    return this.#declare(name, false, options);
  }

  /** How many messages and consumers a queue has. @throws {BrokerRefusedError} 404 where there is none */
  async countQueue(name: string): Promise<QueueCounts> {
    return this.#declare(name, true, {});
  }

  async #declare(name: string, passive: boolean, options: QueueOptions): Promise<QueueCounts> {
    const { durable = false, exclusive = false, autoDelete = false } = options;
    const { reader } = await this.#call(50, 10, (writer) =>
      writer
        .short(0)
        .shortString(name)
        .bits(passive, durable, exclusive, autoDelete, false)
        .table(options.arguments ?? {}),
    );
    reader.shortString();
    return { messages: reader.long(), consumers: reader.long() };
  }

  /** @throws {BrokerRefusedError} 404 where there is none */
  async findExchange(name: string): Promise<void> {
    await this.#call(40, 10, (writer) =>
      writer.short(0).shortString(name).shortString("").bits(true, false, false, false, false).table({}),
    );
  }

  async bindQueue(queue: string, exchange: string, routingKey: string): Promise<void> {
    await this.#call(50, 20, (writer) =>
      writer.short(0).shortString(queue).shortString(exchange).shortString(routingKey).bits(false).table({}),
    );
  }

  async purgeQueue(queue: string): Promise<void> {
    await this.#call(50, 30, (writer) => writer.short(0).shortString(queue).bits(false));
  }

  async deleteQueue(queue: string): Promise<void> {
    await this.#call(50, 40, (writer) => writer.short(0).shortString(queue).bits(false, false, false));
  }

  /** Messages come to the handler and count as settled at once. One consumer a channel. */
  async consume(queue: string, handler: (message: AmqpMessage) => void): Promise<void> {
    this.#onMessage = handler;
    await this.#call(60, 20, (writer) =>
      writer.short(0).shortString(queue).shortString("").bits(false, true, false, false).table({}),
    );
  }

  /** Takes one message; until it is settled nobody else sees it. */
  async get(queue: string): Promise<AmqpMessage | undefined> {
    const { message } = await this.#call(60, 70, (writer) => writer.short(0).shortString(queue).bits(false));
    return message;
  }

  ack({ deliveryTag }: AmqpMessage): void {
    this.#tell(60, 80, (writer) => writer.longLong(deliveryTag).bits(false));
  }

  /** Puts it back where it was. */
  putBack({ deliveryTag }: AmqpMessage): void {
    this.#tell(60, 120, (writer) => writer.longLong(deliveryTag).bits(false, true));
  }

  /** Resolves when the broker has taken it, with whether there was any queue for it. */
  async publish(exchange: string, routingKey: string, body: string, properties: AmqpProperties): Promise<boolean> {
    const bytes = Buffer.from(body);
    const { wasReturned = false } = await this.#call(
      60,
      40,
      (writer) => writer.short(0).shortString(exchange).shortString(routingKey).bits(true, false), // mandatory: else no word of it
      () => this.#connection.sendContent(this.#id, contentHeader(bytes.length, properties), bytes),
    );
    return !wasReturned;
  }

  /** The connection is over. */
  fail(error: Error): void {
    this.#ended ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#ended);
  }

  method(payload: Buffer): void {
    const reader = new AmqpReader(payload);
    const name = `${reader.short()}.${reader.short()}`;
    if (name === "20.40") this.#closedByBroker(reader);
    else if (Object.values(content).includes(name)) this.#incoming = { name, reader, size: 0, headers: {}, parts: [] };
    else if (name === confirmed) this.#confirm(reader);
    else if (name !== "60.30" && name !== "20.20") this.#waiting.shift()?.resolve({ name, reader }); // not: a consumer cancelled by the broker, flow
  }

  #confirm(reader: AmqpReader): void {
    const wasReturned = this.#wasReturned;
    this.#wasReturned = false;
    this.#waiting.shift()?.resolve({ name: confirmed, reader, wasReturned });
  }

  header(payload: Buffer): void {
    if (this.#incoming === undefined) return;
    Object.assign(this.#incoming, readContentHeader(payload));
    this.#deliverWhole();
  }

  body(payload: Buffer): void {
    this.#incoming?.parts.push(payload);
    this.#deliverWhole();
  }

  #deliverWhole(): void {
    if (this.#incoming === undefined) return;
    const { name, reader, size, headers, parts } = this.#incoming;
    if (parts.reduce((sum, part) => sum + part.length, 0) < size) return;
    this.#incoming = undefined;
    if (name === content.returned) {
      this.#wasReturned = true;
      return;
    }
    if (name === content.deliver) reader.shortString(); // the consumer's tag
    const message = { headers, body: Buffer.concat(parts).toString(), deliveryTag: reader.longLong() };
    if (name === content.deliver) this.#onMessage?.(message);
    else this.#waiting.shift()?.resolve({ name, reader, message });
  }

  #closedByBroker(reader: AmqpReader): void {
    const [code, text] = [reader.short(), reader.shortString().replace(/\.$/, "")]; // our sentence goes on after it
    this.#connection.sendMethod(this.#id, new AmqpWriter().short(20).short(41).bytes());
    this.#connection.forget(this.#id);
    const advice = code === 403 ? ". Give it the right: rabbitmqctl set_permissions -p VHOST USER '.*' '.*' '.*'" : "";
    const where = withoutPassword(this.#connection.address);
    this.fail(new BrokerRefusedError(String(code), `The broker ${where} refuses: ${text}${advice}`));
  }

  #tell(classId: number, methodId: number, write: (writer: AmqpWriter) => AmqpWriter): void {
    if (this.#ended) throw this.#ended;
    this.#connection.sendMethod(this.#id, write(new AmqpWriter().short(classId).short(methodId)).bytes());
  }

  #call(
    classId: number,
    methodId: number,
    write: (writer: AmqpWriter) => AmqpWriter,
    andThen: () => void = () => {},
  ): Promise<Answer> {
    const answer = this.#turn.then(
      () =>
        new Promise<Answer>((resolve, reject) => {
          if (this.#ended) return reject(this.#ended);
          this.#waiting.push({ resolve, reject });
          this.#tell(classId, methodId, write);
          andThen();
        }),
    );
    this.#turn = answer.catch(() => {});
    return answer;
  }
}
