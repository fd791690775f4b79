/** Replies of the Redis serialization protocol, version 2 (https://redis.io/docs/latest/develop/reference/protocol-spec/). */
export type RedisReply = string | number | null | readonly RedisReply[];

export class RedisError {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export interface Parsed {
  readonly value: RedisReply | RedisError;
  readonly end: number;
}

/** Thrown where what comes is not this protocol. */
export class NotRedisError extends Error {}

/** One reply from `at` on, or undefined where it has not come whole. An error within a list (EXEC) is told as its text. */
export function parseReply(buffer: Buffer, at: number): Parsed | undefined {
  if (at >= buffer.length) return undefined;
  const kind = String.fromCharCode(buffer.readUInt8(at));
  if (!"+-:$*".includes(kind)) throw new NotRedisError();
  const lineEnd = buffer.indexOf("\r\n", at);
  if (lineEnd < 0) return undefined;
  const line = buffer.toString("utf8", at + 1, lineEnd);
  const next = lineEnd + 2;
  if (kind === "+") return { value: line, end: next };
  if (kind === "-") return { value: new RedisError(line), end: next };
  if (kind === ":") return { value: Number(line), end: next };
  const length = Number(line);
  if (length < 0) return { value: null, end: next };
  if (kind === "*") return parseList(buffer, next, length);
  if (buffer.length < next + length + 2) return undefined;
  return { value: buffer.toString("utf8", next, next + length), end: next + length + 2 };
}

function parseList(buffer: Buffer, at: number, count: number): Parsed | undefined {
  const values: RedisReply[] = [];
  let end = at;
  for (let index = 0; index < count; index += 1) {
    const parsed = parseReply(buffer, end);
    if (parsed === undefined) return undefined;
    values.push(parsed.value instanceof RedisError ? parsed.value.text : parsed.value);
    end = parsed.end;
  }
  return { value: values, end };
}
