import type { Socket } from "node:net";
import { AmqpChannel } from "./amqp-channel.ts";
import { AmqpReader, AmqpWriter } from "./amqp-codec.ts";
import { BrokerRefusedError, BrokerUnreachableError, withoutPassword } from "./broker-error.ts";
import { followSocket, openSocket } from "./broker-socket.ts";

/** A connection of AMQP 0-9-1 (the methods that are needed here, by the numbers of https://www.rabbitmq.com/resources/specs/amqp0-9-1.xml). */

const frame = { method: 1, header: 2, body: 3, heartbeat: 8, end: 0xce };
const method = {
  start: [10, 10],
  startOk: [10, 11],
  tune: [10, 30],
  tuneOk: [10, 31],
  open: [10, 40],
  openOk: [10, 41],
  close: [10, 50],
  closeOk: [10, 51],
} as const;
const heartbeatSeconds = 20;

export class AmqpConnection {
  readonly address: string;
  readonly #socket: Socket;
  readonly #channels = new Map<number, AmqpChannel>();
  #received: Buffer = Buffer.alloc(0);
  #frameMax = 131_072;
  #ended: Error | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #heardAt = performance.now();
  #opening: { resolve: () => void; reject: (error: Error) => void } | undefined;

  private constructor(address: string, socket: Socket) {
    this.address = address;
    this.#socket = socket;
    followSocket(socket, address, {
      received: (data) => this.#receive(data),
      ended: (error) => this.#end(error),
    });
  }

  /** @throws {BrokerUnreachableError | BrokerRefusedError} */
  static async open(address: string): Promise<AmqpConnection> {
    const { protocol } = new URL(address);
    const connection = new AmqpConnection(address, await openSocket(address, protocol === "amqps:" ? 5671 : 5672));
    await new Promise<void>((resolve, reject) => {
      connection.#opening = { resolve, reject };
      connection.#socket.write(Buffer.from("AMQP\0\0\x09\x01", "latin1"));
    });
    return connection;
  }

  /** Why it is over, where it is. */
  get ended(): Error | undefined {
    return this.#ended;
  }

  async channel(): Promise<AmqpChannel> {
    if (this.#ended) throw this.#ended;
    let id = 1; // the lowest that is free: a broker allows some two thousand
    while (this.#channels.has(id)) id += 1;
    const channel = new AmqpChannel(this, id);
    this.#channels.set(id, channel);
    await channel.open();
    return channel;
  }

  /** The channel's number is free again. */
  forget(channel: number): void {
    this.#channels.delete(channel);
  }

  sendMethod(channel: number, payload: Buffer): void {
    this.#send(frame.method, channel, payload);
  }

  sendContent(channel: number, header: Buffer, body: Buffer): void {
    this.#send(frame.header, channel, header);
    const most = this.#frameMax - 8;
    for (let at = 0; at < body.length; at += most) this.#send(frame.body, channel, body.subarray(at, at + most));
  }

  async close(): Promise<void> {
    if (this.#ended) return;
    const closed = new Promise<void>((resolve) => this.#socket.once("close", () => resolve()));
    this.#reply(method.close, (writer) => writer.short(200).shortString("").short(0).short(0));
    const impatient = setTimeout(() => this.#socket.destroy(), 1_000);
    await closed;
    clearTimeout(impatient);
  }

  #send(type: number, channel: number, payload: Buffer): void {
    if (this.#ended) throw this.#ended;
    const head = new AmqpWriter().octet(type).short(channel).long(payload.length).bytes();
    this.#socket.write(Buffer.concat([head, payload, Buffer.of(frame.end)]));
  }

  #reply([classId, methodId]: readonly [number, number], write: (writer: AmqpWriter) => AmqpWriter): void {
    this.#send(frame.method, 0, write(new AmqpWriter().short(classId).short(methodId)).bytes());
  }

  #end(error: Error): void {
    this.#ended ??= error;
    clearInterval(this.#heartbeat);
    this.#opening?.reject(this.#ended);
    this.#socket.destroy();
    for (const channel of this.#channels.values()) channel.fail(this.#ended);
    this.#channels.clear();
  }

  #receive(data: Buffer): void {
    this.#heardAt = performance.now();
    this.#received = this.#received.length === 0 ? data : Buffer.concat([this.#received, data]);
    try {
      while (this.#received.length >= 8) {
        const size = this.#received.readUInt32BE(3);
        if (this.#received.length < size + 8) return;
        const [type, channel] = [this.#received.readUInt8(0), this.#received.readUInt16BE(1)];
        const payload = this.#received.subarray(7, 7 + size);
        this.#received = this.#received.subarray(size + 8);
        if (channel === 0) this.#control(type, payload);
        else if (type === frame.method) this.#channels.get(channel)?.method(payload);
        else if (type === frame.header) this.#channels.get(channel)?.header(payload);
        else if (type === frame.body) this.#channels.get(channel)?.body(payload);
      }
    } catch (error) {
      this.#end(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** The conversation of channel 0: who we are, how large frames are, which virtual host; and its end. */
  #control(type: number, payload: Buffer): void {
    if (type !== frame.method) return;
    const reader = new AmqpReader(payload);
    const name = `${reader.short()}.${reader.short()}`;
    if (name === "10.10") this.#start();
    else if (name === "10.30") this.#tune(reader);
    else if (name === "10.41") this.#opening?.resolve();
    else if (name === "10.50") this.#closedByBroker(reader);
    else if (name === "10.51") this.#end(new BrokerUnreachableError("The connection was closed."));
  }

  #start(): void {
    const { username, password } = new URL(this.address);
    const [user, secret] = [decodeURIComponent(username) || "guest", decodeURIComponent(password) || "guest"];
    const client = {
      product: "taskmaster",
      connection_name: "taskmaster deploy",
      capabilities: { authentication_failure_close: true, consumer_cancel_notify: true }, // else a wrong password is told by silence
    };
    this.#reply(method.startOk, (writer) =>
      writer.table(client).shortString("PLAIN").longString(`\0${user}\0${secret}`).shortString("en_US"),
    );
  }

  #tune(reader: AmqpReader): void {
    const [channelMax, frameMax] = [reader.short(), reader.long()];
    this.#frameMax = frameMax === 0 ? this.#frameMax : Math.min(frameMax, this.#frameMax);
    this.#reply(method.tuneOk, (writer) => writer.short(channelMax).long(this.#frameMax).short(heartbeatSeconds));
    this.#reply(method.open, (writer) => writer.shortString(virtualHost(this.address)).shortString("").bits(false));
    this.#heartbeat = setInterval(() => {
      if (performance.now() - this.#heardAt > heartbeatSeconds * 2_000)
        return this.#end(
          new BrokerUnreachableError(`The broker ${withoutPassword(this.address)} has been silent for 40s.`),
        );
      this.#send(frame.heartbeat, 0, Buffer.alloc(0));
    }, heartbeatSeconds * 500);
    this.#heartbeat.unref();
  }

  #closedByBroker(reader: AmqpReader): void {
    const [code, text] = [reader.short(), reader.shortString().replace(/\.$/, "")]; // our sentence goes on after it
    this.#reply(method.closeOk, (writer) => writer);
    this.#end(refusal(this.address, code, text));
  }
}

/** `amqp://host` and `amqp://host/` mean `/`; else what follows is its name, percent-encoded. */
function virtualHost(address: string): string {
  return decodeURIComponent(new URL(address).pathname.slice(1)) || "/";
}

function refusal(address: string, code: number, text: string): Error {
  const where = withoutPassword(address);
  if (code === 403)
    return new BrokerRefusedError(
      "403",
      `The broker ${where} refuses the credentials: ${text}. Write them into the address: amqp://user:password@host/vhost`,
    );
  if (code === 530)
    return new BrokerRefusedError(
      "530",
      `The broker ${where} has no virtual host ${virtualHost(address)} for this user: ${text}. The last part of the address names it: amqp://host/vhost (a slash in its name is %2F).`,
    );
  if (code === 320)
    return new BrokerUnreachableError(`The broker ${where} closed the connection: it is being shut down (${text}).`);
  return new BrokerRefusedError(String(code), `The broker ${where} closed the connection: ${text} (${code})`);
}
