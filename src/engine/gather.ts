/**
 * Gathers concurrent calls into one: whoever calls while a batch is on its way goes with the next one, so that a
 * single call waits for nobody, and a hundred at once cost one round trip.
 */
interface Waiting<Item> {
  readonly item: Item;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class Gatherer<Item> {
  readonly #send: (items: readonly Item[]) => Promise<void>;
  readonly #limit: number;
  #waiting: Waiting<Item>[] = [];
  #sending: Promise<void> | undefined;

  /** @param limit items of one batch at most */
  constructor(send: (items: readonly Item[]) => Promise<void>, limit: number) {
    this.#send = send;
    this.#limit = limit;
  }

  /** Resolves when the item's batch has been sent; rejects when its batch was refused, after the item was tried alone. */
  add(item: Item): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      this.#sending ??= this.#run();
    });
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // calls of the same turn of the event loop go together
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, this.#limit);
      try {
        await this.#send(batch.map(({ item }) => item));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        if (batch.length === 1) batch[0]?.reject(error);
        else await this.#oneByOne(batch); // one caller's bad item is not another caller's error
      }
    }
    this.#sending = undefined; // in the same turn as the last look: what is added later begins anew
  }

  async #oneByOne(batch: readonly Waiting<Item>[]): Promise<void> {
    for (const { item, resolve, reject } of batch) await this.#send([item]).then(resolve, reject);
  }

  /** Resolves when nothing waits and nothing is on its way. */
  async settled(): Promise<void> {
    await this.#sending;
  }
}
