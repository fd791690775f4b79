import { onTestFinished } from "vitest";
import { type Bounds, Database, type Transaction } from "../../../src/engine/database.ts";
import type { Statement } from "../../../src/engine/statement.ts";
import { until } from "../../setup/until.ts";

/**
 * An engine connection whose transactions a test opens and ends by hand: the verbs that it is given run inside of the open one, and
 * beside it what they do is not to be seen until `commit()`.
 */
export class Stepped extends Database {
  #open: { readonly tx: Transaction; readonly end: (how: "commit" | "rollback") => Promise<void> } | undefined;
  #pid = 0;

  constructor(url: string) {
    super({ url, connections: 2 });
    onTestFinished(async () => {
      await this.#open?.end("rollback");
      await this.end();
    });
  }

  /** Opens a transaction; the statements that follow belong to it. */
  async begin(): Promise<this> {
    await new Promise<void>((opened, failed) => {
      let decide: (how: "commit" | "rollback") => void = () => {};
      const decided = new Promise<"commit" | "rollback">((resolve) => {
        decide = resolve;
      });
      const whole = super.transaction(async (tx) => {
        const { rows } = await tx.query("select pg_backend_pid() as pid");
        this.#pid = (rows as { pid: number }[])[0]?.pid ?? 0;
        const end = async (how: "commit" | "rollback") => {
          this.#open = undefined;
          decide(how);
          await whole.catch((error: unknown) => {
            if (error !== decided) throw error;
          });
        };
        this.#open = { tx, end };
        opened();
        if ((await decided) === "rollback") throw decided;
      });
      whole.catch(failed);
    });
    return this;
  }

  override query<Row>(statement: Statement, values: readonly unknown[] = [], bounds: Bounds = {}): Promise<Row[]> {
    const open = this.#open;
    return open === undefined ? super.query<Row>(statement, values, bounds) : open.tx.run<Row>(statement, values);
  }

  /** Runs SQL of the test's own in the open transaction. */
  async sql<Row>(text: string, values: unknown[] = []): Promise<Row[]> {
    if (this.#open === undefined) throw new Error("No transaction is open.");
    return (await this.#open.tx.query(text, values)).rows as Row[];
  }

  async commit(): Promise<void> {
    await this.#open?.end("commit");
  }

  async rollback(): Promise<void> {
    await this.#open?.end("rollback");
  }

  /** Resolves when the statement of the open transaction waits for somebody else's lock. */
  async waits(witness: { query(text: string, values: unknown[]): Promise<{ rows: unknown[] }> }): Promise<void> {
    await until("the statement waits for a lock", async () => {
      const { rows } = await witness.query("select from pg_locks where pid = $1 and not granted", [this.#pid]);
      return rows.length > 0;
    });
  }
}
