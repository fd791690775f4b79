/**
 * Many rows at once, by `copy … from stdin`: the database makes room for all of them together and fills one page after the other, where an insert
 * looks for a page with room, and writes to its log, for each row.
 *
 * The statement and its rows are sent in one round trip. A server that refuses the statement reads over the rows that follow it (Postgres'
 * documentation, "Message Flow", COPY Operations).
 */
export interface Copy {
  /** `copy … from stdin with (null '')` */
  readonly text: string;
  /** Made by `copyRows`. */
  readonly rows: string;
  /** In milliseconds. */
  readonly query_timeout: number;
}

/** What of a connection of `pg` this needs. */
interface Connection {
  readonly stream: { cork(): void; uncork(): void; write(message: Uint8Array): boolean };
  query(text: string): void;
}

/** What `pg` takes in place of a query of its own. */
export interface Submittable {
  submit(connection: Connection): void;
}

/** Copies rows through a connection, as one statement. @throws the database's error: then none of the rows is there */
export function copy(
  client: { query(submittable: Submittable): unknown },
  { text, rows, query_timeout }: Copy,
): Promise<void> {
  return new Promise((resolve, reject) => {
    client.query(new Copying(text, rows, query_timeout, (error) => (error ? reject(error) : resolve())));
  });
}

/** Its methods are those that `pg` calls with what the server answers. */
class Copying implements Submittable {
  /** Read by `pg`, which then calls back with an error of its own. */
  readonly query_timeout: number;
  callback: (error?: unknown) => void;
  readonly #text: string;
  readonly #rows: string;

  constructor(text: string, rows: string, timeoutMs: number, callback: (error?: unknown) => void) {
    this.#text = text;
    this.#rows = rows;
    this.query_timeout = timeoutMs;
    this.callback = callback;
  }

  submit(connection: Connection): void {
    connection.stream.cork();
    connection.query(this.#text);
    connection.stream.write(copyMessages(this.#rows));
    connection.stream.uncork();
  }

  handleError(error: unknown): void {
    this.callback(error);
  }

  handleReadyForQuery(): void {
    this.callback();
  }

  handleCopyInResponse(): void {} // the rows are on their way already

  handleCommandComplete(): void {}
}

/** CopyData with all of the rows, and CopyDone (Postgres' documentation, "Message Formats"). */
function copyMessages(rows: string): Uint8Array {
  const bytes = Buffer.byteLength(rows);
  const messages = Buffer.allocUnsafe(1 + 4 + bytes + 1 + 4);
  messages.write("d", 0);
  messages.writeInt32BE(4 + bytes, 1);
  messages.write(rows, 5);
  messages.write("c", 5 + bytes);
  messages.writeInt32BE(4, 6 + bytes);
  return messages;
}

/**
 * Rows in the text format of `copy`. Escaped all at once, which is cheaper than each value by itself.
 *
 * @param lines values apart by tabs, each line ended by a newline; no value has either, as JSON text has not, and an empty one is null
 * (`with (null '')`)
 */
export function copyRows(lines: readonly string[]): string {
  const rows = lines.join("");
  return rows.includes("\\") ? rows.replaceAll("\\", "\\\\") : rows;
}
