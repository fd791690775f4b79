import pg from "pg";
import type { SqlTransaction } from "../contract/step.ts";
import { type RunStatement, runWithin } from "./database.ts";

/**
 * Transactions in which a task's own SQL runs. Connections apart from the queue's: the planner is left as it is, values are parsed as
 * `pg` does, and tasks that keep a transaction open do not keep settlements waiting.
 */
export interface TaskTransactionsOptions {
  readonly url: string;
  /** Connections at most. Default 5. */
  readonly connections?: number;
}

export class TaskTransactions {
  readonly #options: TaskTransactionsOptions;
  /** Opened with the first use. */
  #pool: pg.Pool | undefined;

  constructor(options: TaskTransactionsOptions) {
    this.#options = options;
  }

  /** Runs `work` in one transaction, rolled back where it throws. */
  async run<T>(work: (client: SqlTransaction, run: RunStatement) => Promise<T>): Promise<T> {
    const client = await this.#open().connect();
    let broken: Error | undefined;
    try {
      await client.query("begin");
      const result = await work(client, runWithin(client));
      await client.query("commit");
      return result;
    } catch (error) {
      await client.query("rollback").catch((rollbackError: Error) => {
        broken = rollbackError;
      });
      throw error;
    } finally {
      client.release(broken);
    }
  }

  #open(): pg.Pool {
    if (this.#pool) return this.#pool;
    const { url, connections = 5 } = this.#options;
    const pool = new pg.Pool({
      connectionString: url,
      application_name: "taskmaster steps",
      connectionTimeoutMillis: 30_000,
      idleTimeoutMillis: 30_000,
      allowExitOnIdle: true,
      keepAlive: true,
      max: connections,
    });
    pool.on("error", () => {}); // the pool has dropped the client; the next transaction opens another
    pool.on("connect", (client) => client.on("error", () => {}));
    this.#pool = pool;
    return pool;
  }

  async end(): Promise<void> {
    const pool = this.#pool;
    this.#pool = undefined;
    await pool?.end();
  }
}
