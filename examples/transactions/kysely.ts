import { CompiledQuery, type Kysely, type QueryExecutorProvider } from "kysely";
import type { Queryable, Taskmaster } from "taskmaster";
import { sendReceipt } from "./tasks.ts";

/** A transaction of Kysely's as `within` takes it. */
export function throughKysely(tx: QueryExecutorProvider): Queryable {
  return { query: (text, values) => tx.getExecutor().executeQuery(CompiledQuery.raw(text, values)) };
}

export interface Shop {
  orders: { id: number };
}

export async function placeOrder(db: Kysely<Shop>, taskmaster: Taskmaster, order: number): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await taskmaster.enqueue(sendReceipt, { order }, { within: throughKysely(tx) });
    await tx.insertInto("orders").values({ id: order }).execute();
  });
}
