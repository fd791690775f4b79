import type { Database } from "./database.ts";
import { sql, statement } from "./statement.ts";

/**
 * Job numbers, handed out by the producer. Block b of the sequence holds the numbers (b - 1) * 100 + 1 … b * 100.
 * A producer that knows a job's number before the insert can repeat the insert after a lost connection without doubling the job.
 */
const blockSize = 100n;

const reserve = statement(
  "job_numbers_reserve",
  sql`select nextval('taskmaster.job_block') as block from generate_series(1, $1::int)`,
);

export class JobNumbers {
  readonly #database: Database;
  #blocks: bigint[] = [];
  #next = 0n;
  #left = 0n;

  constructor(database: Database) {
    this.#database = database;
  }

  /** As many numbers as asked for, as decimal text. */
  async take(count: number): Promise<string[]> {
    const available = Number(this.#left) + this.#blocks.length * Number(blockSize);
    if (available < count) {
      // Twice what is asked for, within reason: a busy producer seldom waits for numbers, a quiet one leaves small gaps.
      const blocks = Math.ceil(Math.min((count - available) * 2, count - available + 20_000) / Number(blockSize));
      const rows = await this.#database.again<{ block: string }>(reserve, [blocks], {
        during: "reserving job numbers",
        forMs: 30_000,
      });
      this.#blocks.push(...rows.map(({ block }) => BigInt(block)));
    }
    const numbers: string[] = [];
    while (numbers.length < count) {
      if (this.#left === 0n) {
        const block = this.#blocks.shift();
        // Another call may have taken what this one reserved; it then reserves again.
        if (block === undefined) return [...numbers, ...(await this.take(count - numbers.length))];
        this.#next = (block - 1n) * blockSize + 1n;
        this.#left = blockSize;
      }
      numbers.push(String(this.#next));
      this.#next += 1n;
      this.#left -= 1n;
    }
    return numbers;
  }
}
