import type { Socket } from "node:net";
import { BrokerRefusedError, BrokerUnreachableError, unreachable, withoutPassword } from "./broker-error.ts";
import { openSocket } from "./broker-socket.ts";

/**
 * A client of the Redis serialization protocol, version 2 (https://redis.io/docs/latest/develop/reference/protocol-spec/): Redis and Valkey.
 * Requests are answered in their order, so that a queue of those that wait is all its state.
 */
export type RedisReply = string | number | null | readonly RedisReply[];

/** Longer than the longest wait that we ask for. */
const answerWithinMs = 20_000;

interface Waiting {
  readonly resolve: (reply: RedisReply) => void;
  readonly reject: (error: Error) => void;
}

export class RedisConnection {
  readonly address: string;
  readonly #socket: Socket;
  readonly #waiting: Waiting[] = [];
  #received: Buffer = Buffer.alloc(0);
  #ended: Error | undefined;

  private constructor(address: string, socket: Socket) {
    this.address = address;
    this.#socket = socket;
    socket.on("data", (data: Buffer) => this.#receive(data));
    socket.on("error", (error) => this.#end(unreachable(address, error)));
    socket.on("close", () =>
      this.#end(new BrokerUnreachableError(`The broker ${withoutPassword(address)} closed the connection.`)),
    );
  }

  /** @throws {BrokerUnreachableError | BrokerRefusedError} */
  static async open(address: string): Promise<RedisConnection> {
    const { username, password } = new URL(address);
    const connection = new RedisConnection(address, await openSocket(address, 6379));
    try {
      if (password !== "")
        await connection.send(
          "AUTH",
          ...[username, password].filter((part) => part !== "").map((part) => decodeURIComponent(part)),
        );
      await connection.send("SELECT", String(databaseOf(address)));
      return connection;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  send(...words: readonly string[]): Promise<RedisReply> {
    if (this.#ended) return Promise.reject(this.#ended);
    return new Promise((answer, refuse) => {
      const silence = setTimeout(() => this.#silent(), answerWithinMs);
      const resolve = (reply: RedisReply) => {
        clearTimeout(silence);
        answer(reply);
      };
      const reject = (error: Error) => {
        clearTimeout(silence);
        refuse(error);
      };
      this.#waiting.push({ resolve, reject });
      const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
      this.#socket.write(`*${words.length}\r\n${parts.join("")}`);
    });
  }

  async close(): Promise<void> {
    this.#end(new BrokerUnreachableError("The connection was closed."));
    this.#socket.destroy();
  }

  #silent(): void {
    const where = withoutPassword(this.address);
    this.#end(new BrokerUnreachableError(`The broker ${where} has not answered for ${answerWithinMs / 1_000}s.`));
    this.#socket.destroy();
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#ended);
  }

  #receive(data: Buffer): void {
    this.#received = this.#received.length === 0 ? data : Buffer.concat([this.#received, data]);
    let at = 0;
    for (;;) {
      const parsed = parse(this.#received, at);
      if (parsed === undefined) break;
      at = parsed.end;
      const waiting = this.#waiting.shift();
      if (parsed.value instanceof RedisError) waiting?.reject(this.#refused(parsed.value));
      else waiting?.resolve(parsed.value as RedisReply);
    }
    this.#received = this.#received.subarray(at);
  }

  #refused({ text }: RedisError): BrokerRefusedError {
    const reason = /^[A-Z]+/.exec(text)?.[0] ?? "ERR";
    const where = withoutPassword(this.address);
    if (reason === "NOAUTH" || reason === "WRONGPASS" || text.includes("AUTH"))
      return new BrokerRefusedError(
        reason,
        `The broker ${where} refuses the credentials: ${text}. Write them into the address: redis://user:password@host:port/0`,
      );
    return new BrokerRefusedError(reason, `The broker ${where} refuses: ${text}`);
  }
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

class RedisError {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

interface Parsed {
  readonly value: RedisReply | RedisError;
  readonly end: number;
}

/** One reply from `at` on, or undefined where it has not come whole. An error within a list (EXEC) is told as its text. */
function parse(buffer: Buffer, at: number): Parsed | undefined {
  const lineEnd = buffer.indexOf("\r\n", at);
  if (lineEnd < 0) return undefined;
  const line = buffer.toString("utf8", at + 1, lineEnd);
  const next = lineEnd + 2;
  switch (buffer[at]) {
    case 0x2b: // +
      return { value: line, end: next };
    case 0x2d: // -
      return { value: new RedisError(line), end: next };
    case 0x3a: // :
      return { value: Number(line), end: next };
    case 0x24: {
      // $
      const length = Number(line);
      if (length < 0) return { value: null, end: next };
      if (buffer.length < next + length + 2) return undefined;
      return { value: buffer.toString("utf8", next, next + length), end: next + length + 2 };
    }
    default: {
      const count = Number(line);
      if (count < 0) return { value: null, end: next };
      const values: RedisReply[] = [];
      let end = next;
      for (let index = 0; index < count; index += 1) {
        const parsed = parse(buffer, end);
        if (parsed === undefined) return undefined;
        values.push(parsed.value instanceof RedisError ? parsed.value.text : parsed.value);
        end = parsed.end;
      }
      return { value: values, end };
    }
  }
}
