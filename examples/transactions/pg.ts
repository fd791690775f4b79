import type pg from "pg";
import type { Taskmaster } from "taskmaster";
import { sendReceipt } from "./tasks.ts";

/** With `pg`, the client that has the transaction open is what `within` takes. */
export async function placeOrder(pool: pg.Pool, taskmaster: Taskmaster, order: number): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query("begin");
    await taskmaster.enqueue(sendReceipt, { order }, { within: client });
    await client.query("insert into orders (id) values ($1)", [order]);
    await client.query("commit");
  } catch (error) {
    await client.query("rollback");
    throw error;
  } finally {
    client.release();
  }
}
