/**
 * The encoding of AMQP 0-9-1 (https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf, section 4.2), with RabbitMQ's types of table fields
 * (https://www.rabbitmq.com/amqp-0-9-1-errata, section 3).
 */
export type AmqpValue = string | number | boolean | null | readonly AmqpValue[] | AmqpTable;
export interface AmqpTable {
  readonly [name: string]: AmqpValue;
}

export class AmqpWriter {
  readonly #parts: Buffer[] = [];

  octet(value: number): this {
    return this.#push(1, (buffer) => buffer.writeUInt8(value));
  }

  short(value: number): this {
    return this.#push(2, (buffer) => buffer.writeUInt16BE(value));
  }

  long(value: number): this {
    return this.#push(4, (buffer) => buffer.writeUInt32BE(value));
  }

  longLong(value: bigint): this {
    return this.#push(8, (buffer) => buffer.writeBigUInt64BE(value));
  }

  shortString(text: string): this {
    const bytes = Buffer.from(text);
    if (bytes.length > 255) throw new RangeError(`AMQP takes names of 255 bytes at most: ${text}`);
    this.octet(bytes.length);
    this.#parts.push(bytes);
    return this;
  }

  longString(text: string): this {
    const bytes = Buffer.from(text);
    this.long(bytes.length);
    this.#parts.push(bytes);
    return this;
  }

  /** Bits that follow each other share an octet, the first in the lowest place. */
  bits(...values: readonly boolean[]): this {
    return this.octet(values.reduce((sum, value, place) => sum | (value ? 1 << place : 0), 0));
  }

  table(table: AmqpTable): this {
    const fields = new AmqpWriter();
    for (const [name, value] of Object.entries(table)) fields.shortString(name).#field(value);
    const bytes = fields.bytes();
    this.long(bytes.length);
    this.#parts.push(bytes);
    return this;
  }

  /** Numbers go as `I` (32 bits), never as `s`: py-amqp before 5.4.0 misreads that as a string (py-amqp#469) and the worker dies of it. */
  #field(value: AmqpValue): void {
    if (typeof value === "string") this.#tag("S").longString(value);
    else if (typeof value === "boolean") this.#tag("t").octet(value ? 1 : 0);
    else if (typeof value === "number") this.#tag("I").#push(4, (buffer) => buffer.writeInt32BE(value));
    else if (value === null) this.#tag("V");
    else if (Array.isArray(value)) throw new TypeError("Lists in tables are read here, not written.");
    else this.#tag("F").table(value as AmqpTable);
  }

  #tag(tag: string): this {
    return this.octet(tag.charCodeAt(0));
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }

  #push(size: number, write: (buffer: Buffer) => void): this {
    const buffer = Buffer.alloc(size);
    write(buffer);
    this.#parts.push(buffer);
    return this;
  }
}

export class AmqpReader {
  readonly #buffer: Buffer;
  #at: number;

  constructor(buffer: Buffer, at = 0) {
    this.#buffer = buffer;
    this.#at = at;
  }

  octet(): number {
    return this.#buffer.readUInt8(this.#move(1));
  }

  short(): number {
    return this.#buffer.readUInt16BE(this.#move(2));
  }

  long(): number {
    return this.#buffer.readUInt32BE(this.#move(4));
  }

  longLong(): bigint {
    return this.#buffer.readBigUInt64BE(this.#move(8));
  }

  shortString(): string {
    return this.#text(this.octet());
  }

  longString(): string {
    return this.#text(this.long());
  }

  table(): AmqpTable {
    const end = this.long() + this.#at;
    const table: Record<string, AmqpValue> = {};
    while (this.#at < end) {
      const name = this.shortString();
      table[name] = this.#field();
    }
    return table;
  }

  #field(): AmqpValue {
    const tag = String.fromCharCode(this.octet());
    switch (tag) {
      case "t":
        return this.octet() !== 0;
      case "b":
        return this.#buffer.readInt8(this.#move(1));
      case "B":
        return this.octet();
      case "s":
        return this.#buffer.readInt16BE(this.#move(2));
      case "u":
        return this.short();
      case "I":
        return this.#buffer.readInt32BE(this.#move(4));
      case "i":
        return this.long();
      case "l":
        return Number(this.#buffer.readBigInt64BE(this.#move(8)));
      case "T":
        return Number(this.longLong());
      case "f":
        return this.#buffer.readFloatBE(this.#move(4));
      case "d":
        return this.#buffer.readDoubleBE(this.#move(8));
      case "D":
        return this.octet() * 0 + this.long(); // a decimal: nobody here reads one, it only has to be passed over
      case "S":
      case "x":
        return this.longString();
      case "A": {
        const end = this.long() + this.#at;
        const values: AmqpValue[] = [];
        while (this.#at < end) values.push(this.#field());
        return values;
      }
      case "F":
        return this.table();
      case "V":
        return null;
      default:
        throw new TypeError(`A field of an unknown type ${tag} came from the broker.`);
    }
  }

  #text(length: number): string {
    const from = this.#move(length);
    return this.#buffer.toString("utf8", from, from + length);
  }

  #move(by: number): number {
    const from = this.#at;
    this.#at += by;
    if (this.#at > this.#buffer.length) throw new RangeError("A frame of the broker ends too early.");
    return from;
  }
}
