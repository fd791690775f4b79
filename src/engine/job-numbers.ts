import type { Database } from "./database.ts";
import { sql, statement } from "./statement.ts";

/**
 * Job numbers, handed out by the producer. Block b of the sequence holds the numbers (b - 1) * 100 + 1 … b * 100.
 * A producer that knows a job's number before the insert can repeat the insert after a lost connection without doubling the job.
 *
 * Blocks are reserved before they are needed, twice as many whenever the last ones were used up at once: a busy producer seldom waits for
 * numbers, a quiet one leaves small gaps.
 */
const blockSize = 100n;
const mostBlocks = 200;
/** Reservations that follow each other faster than this are doubled; after a second of rest the next is of one block again. */
const hastyMs = 100;
const restMs = 1_000;

const reserve = statement(
  "job_numbers_reserve",
  sql`select nextval('taskmaster.job_block') as block from generate_series(1, $1::int)`,
);

export class JobNumbers {
  readonly #database: Database;
  #blocks: bigint[] = [];
  #next = 0n;
  #left = 0n;
  #reserving: Promise<void> | undefined;
  #reservedAt = Number.NEGATIVE_INFINITY;
  #stride = 1;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Reserves the first numbers, so that the first job does not wait for them. Returns at once. */
  prepare(): void {
    this.#reserveAhead();
  }

  /** As many numbers as asked for, as decimal text. */
  async take(count: number): Promise<string[]> {
    const numbers: string[] = [];
    for (;;) {
      while (numbers.length < count && this.#turnBlock()) {
        numbers.push(String(this.#next));
        this.#next += 1n;
        this.#left -= 1n;
      }
      if (numbers.length === count) break;
      // Another call may take what is reserved here before this one comes to its turn; it then reserves again.
      if (this.#reserving) await this.#reserving.catch(() => {});
      else await this.#reserve(count - numbers.length, 30_000);
    }
    if (this.#available * 2 < this.#stride * Number(blockSize)) this.#reserveAhead();
    return numbers;
  }

  /** Where this fails, whoever needs the numbers asks again, and is told. */
  #reserveAhead(): void {
    void this.#reserve(1, 5_000).catch(() => {});
  }

  get #available(): number {
    return Number(this.#left) + this.#blocks.length * Number(blockSize);
  }

  /** Goes on to the next block where one is used up. Answers whether there is a number. */
  #turnBlock(): boolean {
    if (this.#left > 0n) return true;
    const block = this.#blocks.shift();
    if (block === undefined) return false;
    this.#next = (block - 1n) * blockSize + 1n;
    this.#left = blockSize;
    return true;
  }

  #reserve(count: number, forMs: number): Promise<void> {
    if (this.#reserving) return this.#reserving;
    const rested = performance.now() - this.#reservedAt;
    if (rested < hastyMs) this.#stride = Math.min(this.#stride * 2, mostBlocks);
    else if (rested > restMs) this.#stride = 1;
    this.#reservedAt = performance.now();
    const blocks = Math.max(this.#stride, Math.ceil(count / Number(blockSize)));
    this.#reserving = this.#database
      .again<{ block: string }>(reserve, [blocks], { during: "reserving job numbers", forMs })
      .then((rows) => {
        this.#blocks.push(...rows.map(({ block }) => BigInt(block)));
      })
      .finally(() => {
        this.#reserving = undefined;
      });
    return this.#reserving;
  }
}
