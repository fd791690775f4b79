import { InvalidContractError } from "../../contract/contract.ts";
import type { ResumableSource } from "../../contract/iteration.ts";
import { UnreadablePayloadError } from "../../contract/payload.ts";
import { fromRecorded, type RecordedText, toRecorded } from "../../contract/recorded-value.ts";
import type { PayloadSchema } from "../../contract/schema.ts";
import type { Checkpoint } from "../../engine/checkpoint.ts";
import type { Records } from "./records.ts";

/**
 * How far an iteration has come, as it is recorded: `{ "items": 2000, "cursor": … }`, with `"done": true` at its end. For an array
 * the number of items is the place, and `"length"` tells a different array.
 */
export interface Place {
  /** Gone through so far. */
  readonly items: number;
  readonly cursor: unknown;
  readonly done: boolean;
  /** Of the record. */
  readonly seq: number;
}

interface RecordedPlace {
  readonly items: number;
  readonly cursor?: unknown;
  readonly done?: true;
  readonly length?: number;
}

export type Source = readonly unknown[] | ResumableSource<unknown, unknown>;

export class Cursor {
  readonly #records: Records;
  readonly #name: string;
  readonly #source: Source;
  readonly #schema: PayloadSchema | undefined;

  /** @throws {InvalidContractError} where the source is none */
  constructor(records: Records, name: string, source: Source, schema: PayloadSchema | undefined) {
    if (
      !Array.isArray(source) &&
      !(
        typeof (source as ResumableSource<unknown>)?.after === "function" &&
        typeof (source as ResumableSource<unknown>).cursorOf === "function"
      )
    )
      throw new InvalidContractError(
        `The source of "${name}" cannot be gone through from any place on: pass an array, keyset(…), lines(…), or { after: (cursor) => …, cursorOf: (item) => … }.`,
      );
    this.#records = records;
    this.#name = name;
    this.#source = source;
    this.#schema = schema;
  }

  get #what(): string {
    return this.#records.describe(`the cursor of "${this.#name}"`);
  }

  /** Where the earlier attempts have come to. @throws {JobHeldError} where that does not fit any more */
  async read(checkpoint: Checkpoint | undefined): Promise<Place> {
    if (checkpoint === undefined) return { items: 0, cursor: undefined, done: false, seq: 0 };
    const recorded = JSON.parse(checkpoint.value ?? "{}") as Partial<RecordedPlace>;
    const { items = 0, done = false, length } = recorded;
    const place = { items, cursor: undefined, done, seq: checkpoint.seq };
    if (checkpoint.kind !== "each")
      throw this.#unfit(`"${this.#name}" is recorded as a step, and this release goes through items under that name.`);
    if (done) return place;
    if (Array.isArray(this.#source)) {
      if (length !== this.#source.length)
        throw this.#unfit(
          `the items of "${this.#name}" were ${length ?? "no array"} and are ${this.#source.length} now: which of them have been handled cannot be told. Let the array come from ctx.step, so that it stays the same.`,
        );
      return place;
    }
    if (length !== undefined)
      throw this.#unfit(
        `"${this.#name}" went through an array of ${length} items, and goes through another source now.`,
      );
    const text: RecordedText = {
      value: "cursor" in recorded ? JSON.stringify(recorded.cursor) : null,
      older: checkpoint.older,
      revision: checkpoint.revision,
    };
    try {
      return { ...place, cursor: await fromRecorded(text, this.#schema, this.#what) };
    } catch (error) {
      if (error instanceof UnreadablePayloadError) throw this.#unfit(error.message, error);
      throw error;
    }
  }

  #unfit(why: string, cause?: unknown): Error {
    const { id, task } = this.#records.host.job;
    return this.#records.hold(
      "unreadable-checkpoint",
      `Job ${id} of ${task.contract.name} cannot go on from where it was: ${why} When that is mended: npx taskmaster jobs retry ${id}`,
      cause,
    );
  }

  /** A place as it is recorded. */
  async write({ items, cursor, done, seq }: Place): Promise<Parameters<Records["write"]>[0]> {
    const text = await this.#text(cursor, done);
    const place = [
      `"items":${items}`,
      ...(text.value === null ? [] : [`"cursor":${text.value}`]),
      ...(done ? ['"done":true'] : []),
      ...(Array.isArray(this.#source) ? [`"length":${this.#source.length}`] : []),
    ];
    return { ...text, name: this.#name, kind: "each", seq, value: `{${place.join(",")}}` };
  }

  #text(cursor: unknown, done: boolean): RecordedText | Promise<RecordedText> {
    if (done || cursor === undefined) return { value: null, older: null, revision: null };
    return toRecorded(cursor, this.#schema, this.#what);
  }

  /** The items behind a place. */
  after({ items, cursor }: Place): AsyncIterator<unknown> | Iterator<unknown> {
    const source = this.#source;
    if (Array.isArray(source)) return itemsFrom(source, items);
    const iterable = (source as ResumableSource<unknown, unknown>).after(cursor);
    return Symbol.asyncIterator in iterable ? iterable[Symbol.asyncIterator]() : iterable[Symbol.iterator]();
  }

  /** The same in lists, where the source can give them. */
  pagesAfter({ cursor }: Place): AsyncIterator<readonly unknown[]> | undefined {
    if (Array.isArray(this.#source)) return undefined;
    return (this.#source as ResumableSource<unknown, unknown>).pages?.(cursor)[Symbol.asyncIterator]();
  }

  /** The cursor of an item that has been handled. */
  of(item: unknown): unknown {
    return Array.isArray(this.#source) ? undefined : (this.#source as ResumableSource<unknown>).cursorOf(item);
  }
}

/** An array's own iterator would begin at its first item. */
function itemsFrom(items: readonly unknown[], from: number): Iterator<unknown> {
  let index = from;
  return {
    next: () => (index < items.length ? { done: false, value: items[index++] } : { done: true, value: undefined }),
  };
}
