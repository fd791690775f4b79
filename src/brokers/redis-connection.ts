import type { Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { BrokerRefusedError, BrokerUnreachableError, withoutPassword } from "./broker-error.ts";
import { followSocket, openSocket } from "./broker-socket.ts";
import { redisRefusal } from "./redis-refusal.ts";
import { NotRedisError, parseReply, RedisError, type RedisReply } from "./redis-reply.ts";

/**
 * A client of Redis and Valkey. Requests are answered in their order, so that a queue of those that wait is all its state.
 */

/** Longer than the longest wait that we ask for. */
const answerWithinMs = 20_000;
const loadedWithinMs = 10_000;

interface Waiting {
  readonly resolve: (reply: RedisReply) => void;
  readonly reject: (error: Error) => void;
}

export class RedisConnection {
  readonly address: string;
  readonly #socket: Socket;
  #waiting: Waiting[] = [];
  #received: Buffer = Buffer.alloc(0);
  #ended: Error | undefined;
  #silence: NodeJS.Timeout | undefined;
  #onMessage: ((message: string) => void) | undefined;

  private constructor(address: string, socket: Socket) {
    this.address = address;
    this.#socket = socket;
    followSocket(socket, address, {
      received: (data) => this.#receive(data),
      ended: (error) => this.#end(error),
    });
  }

  /** @throws {BrokerUnreachableError | BrokerRefusedError} */
  static async open(address: string): Promise<RedisConnection> {
    const { username, password } = new URL(address);
    const database = databaseOf(address);
    const connection = new RedisConnection(address, await openSocket(address, 6379));
    try {
      if (password !== "")
        await connection.send(
          "AUTH",
          ...[username, password].filter((part) => part !== "").map((part) => decodeURIComponent(part)),
        );
      await connection.#loaded();
      await connection.send("SELECT", String(database));
      return connection;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  /** A Redis that has just been started answers when it has read its data. */
  async #loaded(): Promise<void> {
    for (const began = performance.now(); ; await pause(250))
      try {
        return void (await this.send("PING"));
      } catch (error) {
        const isLoading = error instanceof BrokerRefusedError && error.reason === "LOADING";
        if (error instanceof BrokerRefusedError && error.reason === "NOPERM") return; // it answers, which is what was asked
        if (!isLoading || performance.now() - began > loadedWithinMs) throw error;
      }
  }

  async send(...words: readonly string[]): Promise<RedisReply> {
    const [reply = null] = await this.sendAll([words]);
    return reply;
  }

  /** Several at once, in one write; their replies in the same order. Rejects where one is refused. */
  sendAll(commands: readonly (readonly string[])[]): Promise<RedisReply[]> {
    if (this.#ended) return Promise.reject(this.#ended);
    const replies = commands.map(
      () => new Promise<RedisReply>((resolve, reject) => this.#waiting.push({ resolve, reject })),
    );
    this.#listen();
    this.#socket.write(commands.map(encode).join(""));
    return Promise.all(replies);
  }

  /** Messages of all channels that match come to the handler; from now on the connection can do nothing else. */
  async subscribe(pattern: string, handler: (message: string) => void): Promise<void> {
    await this.send("PSUBSCRIBE", pattern);
    this.#onMessage = handler;
  }

  async close(): Promise<void> {
    this.#end(new BrokerUnreachableError("The connection was closed."));
    this.#socket.destroy();
  }

  /** It is silent when it says nothing for so long although something waits for its answer. */
  #listen(): void {
    clearTimeout(this.#silence);
    this.#silence = this.#waiting.length > 0 ? setTimeout(() => this.#silent(), answerWithinMs) : undefined;
  }

  #silent(): void {
    const where = withoutPassword(this.address);
    this.#end(new BrokerUnreachableError(`The broker ${where} has not answered for ${answerWithinMs / 1_000}s.`));
    this.#socket.destroy();
  }

  #end(error: Error): void {
    this.#ended ??= error;
    clearTimeout(this.#silence);
    for (const { reject } of this.#waiting.splice(0)) reject(this.#ended);
  }

  #receive(data: Buffer): void {
    this.#received = this.#received.length === 0 ? data : Buffer.concat([this.#received, data]);
    try {
      this.#answer();
    } catch (error) {
      this.#end(error instanceof NotRedisError ? notRedis(this.address) : (error as Error));
      this.#socket.destroy();
    }
  }

  #answer(): void {
    let [at, answered] = [0, 0];
    for (;;) {
      const parsed = parseReply(this.#received, at);
      if (parsed === undefined) break;
      at = parsed.end;
      if (this.#waiting.length === answered && this.#isMessage(parsed.value)) continue; // nobody waits for a message
      const waiting = this.#waiting[answered++];
      if (parsed.value instanceof RedisError) waiting?.reject(redisRefusal(this.address, parsed.value.text));
      else waiting?.resolve(parsed.value);
    }
    this.#received = this.#received.subarray(at);
    this.#waiting = this.#waiting.slice(answered);
    this.#listen();
  }

  /** `pmessage`, pattern, channel, message. */
  #isMessage(value: RedisReply | RedisError): boolean {
    if (!Array.isArray(value) || value[0] !== "pmessage") return false;
    this.#onMessage?.(String(value[3]));
    return true;
  }
}

function encode(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`;
}

function notRedis(address: string): BrokerRefusedError {
  return new BrokerRefusedError(
    "protocol",
    `What answers at ${withoutPassword(address)} does not speak the protocol of Redis. Is the port right? With TLS the address begins with rediss://`,
  );
}

/** The number of the database in `redis://host/2`. */
export function databaseOf(address: string): number {
  const { pathname, searchParams } = new URL(address);
  const text = pathname.replace(/^\//, "") || searchParams.get("db") || "0";
  if (!/^\d+$/.test(text))
    throw new BrokerRefusedError(
      "db",
      `${withoutPassword(address)}: write the database's number last, as in redis://host:6379/0`,
    );
  return Number(text);
}
