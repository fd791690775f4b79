import type { SqlTransaction } from "../contract/step.ts";
import { Connections } from "./connections.ts";
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
  readonly #connections: Connections;

  constructor({ url, connections = 5 }: TaskTransactionsOptions) {
    this.#connections = new Connections({
      config: {
        connectionString: url,
        application_name: "taskmaster steps",
        connectionTimeoutMillis: 30_000,
        keepAlive: true,
      },
      most: connections,
    });
  }

  /** Runs `work` in one transaction, rolled back where it throws. */
  async run<T>(work: (client: SqlTransaction, run: RunStatement) => Promise<T>): Promise<T> {
    const client = await this.#connections.take();
    let broken = false;
    try {
      await client.query("begin");
      const result = await work(client, runWithin(client));
      await client.query("commit");
      return result;
    } catch (error) {
      await client.query("rollback").catch(() => {
        broken = true;
      });
      throw error;
    } finally {
      this.#connections.giveBack(client, broken);
    }
  }

  /** Cuts what is on its way: only attempts whose jobs are others' are in the middle of something. */
  end(): Promise<void> {
    return this.#connections.end({ cut: true });
  }
}
