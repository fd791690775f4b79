import { InvalidContractError } from "../../contract/contract.ts";
import { longestTimerMs, toMilliseconds } from "../../contract/duration.ts";
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
 * 5. What an asynchronous source answers is handed out as it is, because another promise an item would cost as much as the source does. So it is looked
 *    at later: when the next item is asked for out of turn, before anything else of the attempt begins or ends, and by the timer of the records.
 * 6. What is kept of each item is kept in a young object: of each young value that an old one takes, the garbage
 *    collector is told.
 */
const itemsDefault = 10_000;
const timeDefault = "1s";
/** By count, a loop that says nothing of it records no more often: what it would go through again is done in less than that. */
const soonestByCountMs = 250;
/** The first record comes early, and the next ones ever later, so that also a loop whose worker soon dies gets further. */
const firstAfterMs = 100;
/**
 * Between two turns of the event loop: as many items as take about so long, found by trying. A turn costs as much as hundreds of items, and
 * nobody misses one for a few milliseconds.
 */
const turnAfterMs = 10;
const fewestInTurn = 64;
const mostInTurn = 16_384;

const end: IteratorResult<never> = { done: true, value: undefined };
const undecided = Promise.resolve(Symbol("nothing has been answered yet"));

/** The last two items of a source that were handed out; of a source without pages, what its `next` has answered. */
interface LastTwo {
  before: unknown;
  last: unknown;
}

export class Iteration implements AsyncIterableIterator<unknown> {
  readonly #records: Records;
  readonly #name: string;
  readonly #cursor: Cursor;
  readonly #array: readonly unknown[] | undefined;
  readonly #itemsApart: number;
  readonly #soonestByCountMs: number;
  readonly #msApart: number;
  #msNow: number;
  /** Of a source that is no array. */
  #source: AsyncIterator<unknown> | Iterator<unknown> | undefined;
  /** Of a source that gives lists. */
  #pages: AsyncIterator<readonly unknown[]> | undefined;
  #page: readonly unknown[] = [];
  #inPage = 0;
  /** The last item of the page before. */
  #beforePage: unknown;
  #begun = false;
  /** Where this attempt began. */
  #start: Place = { items: 0, cursor: undefined, done: false, seq: 0 };
  #seq = 0;
  #handedOut = 0;
  #recorded = 0;
  #lastTwo: LastTwo = { before: undefined, last: undefined };
  /** Whether something other than the next item is due: then nothing is left of the countdown. */
  #isAlert = true;
  /** Items until something other is due. */
  #countdown = 0;
  #inTurn = 1_024;
  #turnedAt = performance.now();
  #recordAt = 0;
  #windedAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #due = false;
  #saving: Promise<void> | undefined;
  #failed: { readonly error: unknown } | undefined;
  #over = false;
  #closing: Promise<void> | undefined;

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
    this.#soonestByCountMs = options.checkpoint?.items === undefined ? soonestByCountMs : 0;
    this.#msApart = Math.min(longestTimerMs, toMilliseconds(time, `checkpoint.time of "${name}"`));
    this.#msNow = Math.min(firstAfterMs, this.#msApart);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<unknown>> {
    if (--this.#countdown < 0) return this.#slowNext();
    const source = this.#source;
    if (source === undefined) return this.#nextOfList();
    try {
      const result: unknown = source.next();
      if (!(result instanceof Promise)) return this.#take(result as IteratorResult<unknown>);
      this.#handedOut++;
      const lastTwo = this.#lastTwo;
      lastTwo.before = lastTwo.last;
      lastTwo.last = result;
      return result as Promise<IteratorResult<unknown>>;
    } catch (error) {
      return this.#abort(error);
    }
  }

  #nextOfList(): Promise<IteratorResult<unknown>> {
    const array = this.#array;
    if (array !== undefined)
      return this.#handedOut < array.length
        ? Promise.resolve({ done: false, value: array[this.#handedOut++] })
        : this.#end();
    if (this.#inPage >= this.#page.length) return this.#pages ? this.#nextPage(this.#pages) : this.#end();
    this.#handedOut++;
    return Promise.resolve({ done: false, value: this.#page[this.#inPage++] });
  }

  async #nextPage(pages: AsyncIterator<readonly unknown[]>): Promise<IteratorResult<unknown>> {
    try {
      const { done, value } = await pages.next();
      if (done) return this.#end();
      if (this.#page.length > 0) this.#beforePage = this.#page.at(-1);
      this.#page = value;
      this.#inPage = 0;
    } catch (error) {
      return this.#abort(error);
    }
    return this.next();
  }

  /** The loop was left, in the middle of an item. */
  async return(): Promise<IteratorResult<unknown>> {
    if (!this.#over) await this.#close(Math.max(this.#start.items, this.#handedOut - 1), false);
    return end;
  }

  #take(result: IteratorResult<unknown>): Promise<IteratorResult<unknown>> {
    if (result.done) return this.#end();
    this.#handedOut++;
    this.#lastTwo.before = this.#lastTwo.last;
    this.#lastTwo.last = result;
    return Promise.resolve(result);
  }

  /** Ends the iteration where its source has ended or failed, and nobody has looked yet. Waits for no answer of the source. */
  async settle(): Promise<void> {
    if (this.#over) return this.#closing;
    const item = this.#lastTwo.last;
    if (this.#source === undefined || !(item instanceof Promise)) return;
    const answered = await Promise.race([item, undecided]).catch(() => undefined);
    if (answered !== (await undecided)) await this.#look();
  }

  /** What the source has answered last. */
  async #look(): Promise<void> {
    const item = this.#lastTwo.last;
    if (this.#source === undefined || !(item instanceof Promise)) return;
    const done = await item.then(
      (result: IteratorResult<unknown>) => result.done === true,
      () => undefined, // told to the loop
    );
    if (this.#over) return this.#closing;
    if (done === false || item !== this.#lastTwo.last) return;
    this.#handedOut--;
    this.#lastTwo = { before: undefined, last: this.#lastTwo.before };
    const closing = this.#close(this.#handedOut, done === true);
    this.#closing = done ? closing : closing.catch(() => {}); // what went wrong first is what is told
    await this.#closing;
  }

  async #slowNext(): Promise<IteratorResult<unknown>> {
    if (this.#over) return end;
    this.#isAlert = false; // what is raised from here on is for the next item
    this.#lastTwo = { before: this.#lastTwo.before, last: this.#lastTwo.last };
    try {
      if (!this.#begun) await this.#begin();
      else {
        await this.#look();
        if (!this.#over) await this.#turn();
      }
      if (this.#over) return end;
      this.#records.assertGoingOn();
      if (this.#due || this.#isManyItems()) await this.#recordSoon();
      if (this.#failed) throw this.#failed.error;
      this.#countdown = this.#isAlert ? 1 : Math.min(this.#inTurn, this.#recordAt - this.#handedOut) + 1;
    } catch (error) {
      return this.#abort(error);
    }
    return this.next();
  }

  async #turn(): Promise<void> {
    const tookMs = performance.now() - this.#turnedAt;
    if (tookMs < turnAfterMs) {
      this.#inTurn = Math.min(mostInTurn, this.#inTurn * 2);
      return;
    }
    if (tookMs > turnAfterMs * 2) this.#inTurn = Math.max(fewestInTurn, this.#inTurn >> 1);
    await new Promise((resolve) => setImmediate(resolve));
    this.#turnedAt = performance.now();
  }

  async #begin(): Promise<void> {
    await this.#records.settleIterations();
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
    this.#records.opened(this);
    this.#wind();
  }

  /** Something other than the next item is due. */
  alert(): void {
    this.#isAlert = true;
    this.#countdown = 0;
  }

  #isManyItems(): boolean {
    if (this.#handedOut < this.#recordAt) return false;
    if (performance.now() - this.#windedAt >= this.#soonestByCountMs) return true;
    this.#recordAt += this.#itemsApart;
    return false;
  }

  /** From here to the next record. */
  #wind(): void {
    this.#due = false;
    this.#windedAt = performance.now();
    this.#recordAt = this.#handedOut + this.#itemsApart;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#due = true;
      this.alert();
      this.settle().catch(this.#fail);
    }, this.#msNow);
    this.#timer.unref();
    this.#msNow = Math.min(this.#msNow * 2, this.#msApart);
  }

  /** Starts to record the place, after the record that may be on its way. */
  async #recordSoon(): Promise<void> {
    this.#wind();
    await this.#saving;
    if (this.#failed || this.#handedOut === this.#recorded) return;
    const saving = this.#record(this.#handedOut, false).catch(this.#fail);
    this.#saving = this.#records.during(() => saving);
  }

  readonly #fail = (error: unknown): void => {
    this.#failed = { error };
    this.alert();
  };

  async #record(items: number, done: boolean): Promise<void> {
    this.#recorded = items;
    const cursor = items === this.#start.items || done ? this.#start.cursor : this.#cursor.of(await this.#item(items));
    await this.#records.write(await this.#cursor.write({ items, cursor, done, seq: ++this.#seq }));
  }

  /** The last item, or, within that, the one before it: behind that the place lies then. */
  async #item(items: number): Promise<unknown> {
    const last = items === this.#handedOut;
    if (this.#pages) {
      const index = this.#inPage - (last ? 1 : 2);
      return index < 0 ? this.#beforePage : this.#page[index];
    }
    const answer = last ? this.#lastTwo.last : this.#lastTwo.before;
    return ((await answer) as IteratorResult<unknown> | undefined)?.value;
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
    this.#over = true;
    this.alert();
    clearTimeout(this.#timer);
    this.#records.closed(this);
    if (!done) await (this.#pages ?? this.#source)?.return?.();
    await this.#saving;
    if (this.#failed) throw this.#failed.error;
    if (done || (this.#begun && items !== this.#recorded)) await this.#records.during(() => this.#record(items, done));
  }
}
