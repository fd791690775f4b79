import { AmqpReader, type AmqpTable, AmqpWriter } from "./amqp-codec.ts";

/** A message's content header (AMQP 0-9-1, section 4.2.6.1): those of its properties that are needed here. */
export interface AmqpProperties {
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly headers?: AmqpTable;
  /** Survives a restart of the broker, in a durable queue. */
  readonly persistent?: boolean;
  /** After so many milliseconds it leaves its queue, to the dead-letter exchange where there is one. */
  readonly expiresMs?: number;
}

export interface AmqpMessage {
  readonly headers: AmqpTable;
  readonly body: string;
  readonly deliveryTag: bigint;
}

const basicClass = 60;
const flags = {
  contentType: 1 << 15,
  contentEncoding: 1 << 14,
  headers: 1 << 13,
  deliveryMode: 1 << 12,
  expiration: 1 << 8,
};

export function contentHeader(size: number, properties: AmqpProperties): Buffer {
  const { contentType, contentEncoding, headers, persistent, expiresMs } = properties;
  const present =
    (contentType === undefined ? 0 : flags.contentType) |
    (contentEncoding === undefined ? 0 : flags.contentEncoding) |
    (headers === undefined ? 0 : flags.headers) |
    flags.deliveryMode |
    (expiresMs === undefined ? 0 : flags.expiration);
  const writer = new AmqpWriter().short(basicClass).short(0).longLong(BigInt(size)).short(present);
  if (contentType !== undefined) writer.shortString(contentType);
  if (contentEncoding !== undefined) writer.shortString(contentEncoding);
  if (headers !== undefined) writer.table(headers);
  writer.octet(persistent ? 2 : 1);
  if (expiresMs !== undefined) writer.shortString(String(Math.ceil(expiresMs)));
  return writer.bytes();
}

/** The size of the body that follows, and the headers. What stands behind the headers is not needed. */
export function readContentHeader(payload: Buffer): { size: number; headers: AmqpTable } {
  const reader = new AmqpReader(payload, 4);
  const size = Number(reader.longLong());
  const present = reader.short();
  if (present & flags.contentType) reader.shortString();
  if (present & flags.contentEncoding) reader.shortString();
  return { size, headers: present & flags.headers ? reader.table() : {} };
}
