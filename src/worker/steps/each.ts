import { InvalidContractError } from "../../contract/contract.ts";
import { toMilliseconds } from "../../contract/duration.ts";
import type { EachOptions } from "../../contract/iteration.ts";
import type { PayloadSchema } from "../../contract/schema.ts";
import { Cursor, type Place, type Source } from "./cursor.ts";
import type { Records } from "./records.ts";

/**
 * Going through items, with the place recorded now and then. Invariants:
 *
 * 1. A recorded place lies behind an item only when the loop has asked for the next one: that item's body has ended.
 * 2. One record is on its way at a time; the loop goes on meanwhile, by as many items as lie between two records.
 * 3. The loop gives way to the event loop, however little its bodies wait: else nothing would be written, and no signal heard.
 * 4. Nearly every item takes the quick way of `next`; whatever is seldom happens in `slowNext`, which an alert or a countdown leads to.
 */
const itemsDefault = 10_000;
const timeDefault = "1s";
/** The first record comes early, and the next ones ever later, so that also a loop whose worker soon dies gets further. */
const firstAfterMs = 50;
/**
 * Between two turns of the event loop: as many items as take about so long, found by trying. A turn costs as much as hundreds of items, and
 * nobody misses one for a few milliseconds.
 */
const turnAfterMs = 10;
const fewestInTurn = 64;
const mostInTurn = 65_536;

const end: IteratorResult<never> = { done: true, value: undefined };

export class Iteration implements AsyncIterableIterator<unknown> {
  readonly #records: Records;
  readonly #name: string;
  readonly #cursor: Cursor;
  readonly #array: readonly unknown[] | undefined;
  readonly #itemsApart: number;
  readonly #msApart: number;
  #msNow: number;
  /** Of a source that is no array. */
  #source: AsyncIterator<unknown> | Iterator<unknown> | undefined;
  /** Of a source that gives lists. */
  #pages: AsyncIterator<readonly unknown[]> | undefined;
  #page: readonly unknown[] = [];
  #inPage = 0;
  #begun = false;
  /** Where this attempt began. */
  #start: Place = { items: 0, cursor: undefined, done: false, seq: 0 };
  #seq = 0;
  #handedOut = 0;
  #recorded = 0;
  /** The last item of a source that was handed out, and the one before it. */
  #item: unknown;
  #before: unknown;
  /** Whether something other than the next item is due. */
  #alert = true;
  /** Items until something other is due. */
  #countdown = 0;
  #inTurn = 1_024;
  #turnedAt = performance.now();
  #recordAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #due = false;
  #saving: Promise<void> | undefined;
  #failed: { readonly error: unknown } | undefined;
  #over = false;

  /** @throws {StepNameError} @throws {InvalidContractError} */
  constructor(records: Records, name: string, source: Source, options: EachOptions = {}) {
    const { items = itemsDefault, time = timeDefault } = options.checkpoint ?? {};
    if (!(Number.isInteger(items) && items >= 1))
      throw new InvalidContractError(`checkpoint.items of "${name}" is ${items}: write a whole number from 1 on.`);
    this.#cursor = new Cursor(
      records,
      name,
      source,
      (options.schema as PayloadSchema | undefined) ?? records.declared(name)?.schema,
    );
    this.#array = Array.isArray(source) ? source : undefined;
    records.assertGoingOn();
    records.name(name, "an iteration");
    this.#records = records;
    this.#name = name;
    this.#itemsApart = items;
    this.#msApart = toMilliseconds(time, `checkpoint.time of "${name}"`);
    this.#msNow = Math.min(firstAfterMs, this.#msApart);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<unknown>> {
    return this.#alert || --this.#countdown < 0 ? this.#slowNext() : this.#advance();
  }

  #advance(): Promise<IteratorResult<unknown>> {
    const array = this.#array;
    if (array !== undefined)
      return this.#handedOut < array.length
        ? Promise.resolve({ done: false, value: array[this.#handedOut++] })
        : this.#end();
    if (this.#inPage >= this.#page.length) return this.#pages ? this.#nextPage(this.#pages) : this.#nextOfSource();
    this.#before = this.#item;
    this.#item = this.#page[this.#inPage++];
    this.#handedOut++;
    return Promise.resolve({ done: false, value: this.#item });
  }

  async #nextPage(pages: AsyncIterator<readonly unknown[]>): Promise<IteratorResult<unknown>> {
    try {
      const { done, value } = await pages.next();
      if (done) return this.#end();
      this.#page = value;
      this.#inPage = 0;
    } catch (error) {
      return this.#abort(error);
    }
    return this.#advance();
  }

  /** The loop was left, in the middle of an item. */
  async return(): Promise<IteratorResult<unknown>> {
    if (!this.#over) await this.#close(Math.max(this.#start.items, this.#handedOut - 1), false);
    return end;
  }

  #nextOfSource(): Promise<IteratorResult<unknown>> {
    try {
      const result = (this.#source as Iterator<unknown>).next();
      return result instanceof Promise ? result.then(this.#take, this.#abort) : Promise.resolve(this.#take(result));
    } catch (error) {
      return this.#abort(error);
    }
  }

  readonly #take = (result: IteratorResult<unknown>): IteratorResult<unknown> | Promise<IteratorResult<unknown>> => {
    if (result.done) return this.#end();
    this.#before = this.#item;
    this.#item = result.value;
    this.#handedOut++;
    return result;
  };

  async #slowNext(): Promise<IteratorResult<unknown>> {
    if (this.#over) return end;
    this.#alert = false; // what is raised from here on is for the next item
    try {
      if (!this.#begun) await this.#begin();
      else await this.#turn();
      if (this.#over) return end;
      this.#records.assertGoingOn();
      if (this.#due || this.#handedOut >= this.#recordAt) await this.#recordSoon();
      if (this.#failed) throw this.#failed.error;
      this.#countdown = Math.min(this.#inTurn, this.#recordAt - this.#handedOut);
    } catch (error) {
      return this.#abort(error);
    }
    return this.#advance();
  }

  async #turn(): Promise<void> {
    const tookMs = performance.now() - this.#turnedAt;
    if (tookMs < turnAfterMs / 2) this.#inTurn = Math.min(mostInTurn, this.#inTurn * 2);
    else if (tookMs > turnAfterMs * 2) this.#inTurn = Math.max(fewestInTurn, this.#inTurn >> 1);
    await new Promise((resolve) => setImmediate(resolve));
    this.#turnedAt = performance.now();
  }

  async #begin(): Promise<void> {
    const place = await this.#cursor.read(await this.#records.find(this.#name));
    this.#begun = true;
    this.#start = place;
    this.#seq = place.seq;
    this.#handedOut = this.#recorded = place.items;
    this.#over = place.done;
    if (place.done) return;
    if (this.#array === undefined) {
      this.#pages = this.#cursor.pagesAfter(place);
      if (this.#pages === undefined) this.#source = this.#cursor.after(place);
    }
    this.#records.host.signal.addEventListener("abort", this.#raise);
    this.#records.iterating(1);
    this.#wind();
  }

  readonly #raise = (): void => {
    this.#alert = true;
  };

  /** From here to the next record. */
  #wind(): void {
    this.#due = false;
    this.#recordAt = this.#handedOut + this.#itemsApart;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#due = this.#alert = true;
    }, this.#msNow);
    this.#timer.unref();
    this.#msNow = Math.min(this.#msNow * 2, this.#msApart);
  }

  /** Starts to record the place, after the record that may be on its way. */
  async #recordSoon(): Promise<void> {
    this.#wind();
    await this.#saving;
    if (this.#failed || this.#handedOut === this.#recorded) return;
    const saving = this.#record(this.#handedOut, false).catch((error: unknown) => {
      this.#failed = { error };
      this.#alert = true;
    });
    this.#saving = this.#records.during(() => saving);
  }

  async #record(items: number, done: boolean): Promise<void> {
    this.#recorded = items;
    // Within an item the place lies before it, behind the one that came before.
    const last = items === this.#handedOut ? this.#item : this.#before;
    const cursor = items === this.#start.items ? this.#start.cursor : this.#cursor.of(last);
    await this.#records.write(await this.#cursor.write({ items, cursor, done, seq: ++this.#seq }));
  }

  async #end(): Promise<IteratorResult<unknown>> {
    if (!this.#over) await this.#close(this.#handedOut, true);
    return end;
  }

  readonly #abort = async (error: unknown): Promise<never> => {
    if (!this.#over) await this.#close(this.#handedOut, false).catch(() => {}); // what went wrong first is what is told
    throw error;
  };

  async #close(items: number, done: boolean): Promise<void> {
    this.#over = this.#alert = true;
    clearTimeout(this.#timer);
    this.#records.host.signal.removeEventListener("abort", this.#raise);
    if (this.#begun) this.#records.iterating(-1);
    if (!done) await (this.#pages ?? this.#source)?.return?.();
    await this.#saving;
    if (this.#failed) throw this.#failed.error;
    if (done || (this.#begun && items !== this.#recorded)) await this.#records.during(() => this.#record(items, done));
  }
}
