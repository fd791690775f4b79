import { InvalidContractError } from "../../contract/contract.ts";
import { toMilliseconds } from "../../contract/duration.ts";
import type { EachOptions } from "../../contract/iteration.ts";
import { Cursor, type Place, type Source } from "./cursor.ts";
import type { Records } from "./records.ts";

/**
 * Going through items, with the place recorded now and then. Invariants:
 *
 * 1. A recorded place lies behind an item only when the loop has asked for the next one: that item's body has ended.
 * 2. One record is on its way at a time; the loop goes on meanwhile, by as many items as lie between two records.
 * 3. The loop gives way to the event loop, however little its bodies wait: else nothing would be written, and no signal heard.
 */
const itemsDefault = 10_000;
const timeDefault = "1s";
/** Items between two turns of the event loop. */
const turnEvery = 1_024;

const end: IteratorResult<never> = { done: true, value: undefined };
const empty: Iterator<never> = { next: () => end };

export class Iteration implements AsyncIterableIterator<unknown> {
  readonly #records: Records;
  readonly #name: string;
  readonly #cursor: Cursor;
  readonly #itemsApart: number;
  readonly #msApart: number;
  #source: AsyncIterator<unknown> | Iterator<unknown> | undefined;
  /** Where this attempt began. */
  #start: Place = { items: 0, cursor: undefined, done: false, seq: 0 };
  #seq = 0;
  #handedOut = 0;
  /** Of those, the ones whose body has ended. */
  #finished = 0;
  #recorded = 0;
  /** The last item that was handed out, and the one before it. */
  #item: unknown;
  #before: unknown;
  #untilRecord: number;
  #untilTurn = turnEvery;
  #due = false;
  #timer: NodeJS.Timeout | undefined;
  #saving: Promise<void> | undefined;
  #failed: { readonly error: unknown } | undefined;
  #over = false;

  /** @throws {StepNameError} @throws {InvalidContractError} */
  constructor(records: Records, name: string, source: Source, options: EachOptions = {}) {
    const { items = itemsDefault, time = timeDefault } = options.checkpoint ?? {};
    if (!(Number.isInteger(items) && items >= 1))
      throw new InvalidContractError(`checkpoint.items of "${name}" is ${items}: write a whole number from 1 on.`);
    this.#cursor = new Cursor(records, name, source, options.schema);
    records.assertGoingOn();
    records.name(name, "an iteration");
    this.#records = records;
    this.#name = name;
    this.#itemsApart = items;
    this.#untilRecord = items;
    this.#msApart = toMilliseconds(time, `checkpoint.time of "${name}"`);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<unknown>> {
    this.#finished = this.#handedOut;
    if (this.#source === undefined || this.#due || this.#failed || this.#records.host.stopped) return this.#slowNext();
    if (--this.#untilTurn <= 0 || --this.#untilRecord <= 0) return this.#slowNext();
    try {
      const result = this.#source.next();
      return result instanceof Promise ? result.then(this.#take, this.#abort) : Promise.resolve(this.#take(result));
    } catch (error) {
      return this.#abort(error);
    }
  }

  /** The loop was left, in the middle of an item. */
  async return(): Promise<IteratorResult<unknown>> {
    if (!this.#over) await this.#close(false);
    return end;
  }

  /** Whatever does not happen with every item. */
  async #slowNext(): Promise<IteratorResult<unknown>> {
    if (this.#over) return end;
    try {
      if (this.#source === undefined) await this.#begin();
      if (this.#over) return end;
      if (this.#untilTurn <= 0) {
        this.#untilTurn = turnEvery;
        await new Promise((resolve) => setImmediate(resolve));
      }
      this.#records.assertGoingOn();
      if (this.#due || this.#untilRecord <= 0) await this.#recordSoon();
      if (this.#failed) throw this.#failed.error;
      return await this.#take(await (this.#source ?? empty).next());
    } catch (error) {
      return this.#abort(error);
    }
  }

  readonly #take = (result: IteratorResult<unknown>): IteratorResult<unknown> | Promise<IteratorResult<unknown>> => {
    if (result.done) return this.#over ? end : this.#close(true).then(() => end);
    this.#before = this.#item;
    this.#item = result.value;
    this.#handedOut++;
    return result;
  };

  readonly #abort = async (error: unknown): Promise<never> => {
    if (!this.#over) await this.#close(false).catch(() => {}); // what went wrong first is what is told
    throw error;
  };

  async #begin(): Promise<void> {
    const place = await this.#cursor.read(await this.#records.find(this.#name));
    this.#start = place;
    this.#seq = place.seq;
    this.#finished = this.#handedOut = this.#recorded = place.items;
    this.#over = place.done;
    if (place.done) return;
    this.#source = this.#cursor.after(place);
    this.#wind();
  }

  #wind(): void {
    this.#due = false;
    this.#untilRecord = this.#itemsApart;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#due = true;
    }, this.#msApart);
    this.#timer.unref();
  }

  /** Starts to record the place, after the record that may be on its way. */
  async #recordSoon(): Promise<void> {
    this.#wind();
    await this.#saving;
    if (this.#failed || this.#finished === this.#recorded) return;
    const saving = this.#record(false).catch((error: unknown) => {
      this.#failed = { error };
    });
    this.#saving = this.#records.during(() => saving);
  }

  async #record(done: boolean): Promise<void> {
    const items = this.#finished;
    this.#recorded = items;
    // Within an item the place lies before it, after the one that came before.
    const last = items === this.#handedOut ? this.#item : this.#before;
    const cursor = items === this.#start.items ? this.#start.cursor : this.#cursor.of(last);
    await this.#records.write(await this.#cursor.write({ items, cursor, done, seq: ++this.#seq }));
  }

  async #close(done: boolean): Promise<void> {
    this.#over = true;
    clearTimeout(this.#timer);
    if (done) this.#finished = this.#handedOut;
    else await this.#source?.return?.();
    await this.#saving;
    if (this.#failed) throw this.#failed.error;
    if (done || this.#finished !== this.#recorded) await this.#records.during(() => this.#record(done));
  }
}
