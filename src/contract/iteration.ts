import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Duration } from "./duration.ts";
import type { SqlTransaction, TransactionSource } from "./step.ts";

/** `ctx.each`, as types. */

/** Items that can be gone through from any place on. */
export interface ResumableSource<Item, Cursor = unknown> {
  /** The items behind a place, in their order; from the beginning where it is undefined. The same place leads to the same items. */
  after(cursor: Cursor | undefined): AsyncIterable<Item> | Iterable<Item>;
  /** The same in lists, where it has them anyway: a loop over many small items then costs less than one over `after`. */
  pages?(cursor: Cursor | undefined): AsyncIterable<readonly Item[]>;
  /** An item's place: JSON, a kilobyte at most. */
  cursorOf(item: Item): Cursor;
}

export interface EachOptions {
  /**
   * How often the place is recorded while the loop goes on: whichever comes first. After a crash the items since then are gone through
   * again: up to twice as many, because the loop does not wait for the record. Default: 10,000 items, a second.
   */
  readonly checkpoint?: { readonly items?: number; readonly time?: Duration };
  /** Of the cursor, where it may change from release to release. */
  readonly schema?: StandardSchemaV1;
}

export interface EachTransactionOptions<Tx> extends Pick<EachOptions, "schema"> {
  /** Items of one transaction, at most. Default 100. */
  readonly batch?: number;
  /** Whose transaction it is. Default: the worker's own. */
  readonly in?: TransactionSource<Tx>;
}

/** `ctx.each` */
export interface Each {
  /**
   * Goes through items, and remembers how far it has come: a later attempt goes on from there. Between two items it notices
   * that the attempt is to stop, and throws.
   *
   * @param source an array that is the same in every attempt (of a step, say), or a source with a cursor: `keyset`, `lines`, your own
   * @throws {StepNameError} where the name was used before in this attempt
   * @throws {InterruptedError} from the loop, where the attempt is to stop
   * @throws {JobLostError} from the loop, where the job has been given to another worker
   * @throws {JobHeldError} from the loop, where what is recorded does not fit the source any more
   *
   * @example
   * for await (const id of ctx.each("index", ids)) await index(id);
   */
  <Item, Cursor>(
    name: string,
    source: readonly Item[] | ResumableSource<Item, Cursor>,
    options?: EachOptions,
  ): AsyncIterableIterator<Item>;

  /**
   * Goes through items in batches, each batch one transaction with the record of how far it came: every item is handled
   * exactly once, as far as the database is concerned.
   *
   * @returns how many items there were, those of earlier attempts included
   *
   * @example
   * await ctx.each.tx("import", lines("users.csv"), (tx, batch) =>
   *   tx.query("insert into users (name) select * from unnest($1::text[])", [batch.map(({ text }) => text)]));
   */
  tx<Item, Cursor>(
    name: string,
    source: readonly Item[] | ResumableSource<Item, Cursor>,
    run: (tx: SqlTransaction, batch: readonly Item[]) => unknown,
  ): Promise<number>;
  tx<Item, Cursor, Tx = SqlTransaction>(
    name: string,
    source: readonly Item[] | ResumableSource<Item, Cursor>,
    options: EachTransactionOptions<Tx>,
    run: (tx: Tx, batch: readonly Item[]) => unknown,
  ): Promise<number>;
}
