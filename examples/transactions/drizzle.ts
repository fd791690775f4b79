import { type SQL, sql } from "drizzle-orm";
import type { NodePgDatabase } from "drizzle-orm/node-postgres";
import type { Queryable, Taskmaster } from "taskmaster";
import { sendReceipt } from "./tasks.ts";

/** A transaction of Drizzle's as `within` takes it. Drizzle numbers parameters itself, so the text is cut where they stand. */
export function throughDrizzle(tx: { execute(query: SQL): PromiseLike<{ rows: unknown[] }> }): Queryable {
  return {
    query: async (text, values) => {
      const parts = text
        .split(/\$(\d+)/)
        .map((part, i) => (i % 2 ? sql.param(values[Number(part) - 1]) : sql.raw(part)));
      return tx.execute(sql.join(parts));
    },
  };
}

export async function placeOrder(db: NodePgDatabase, taskmaster: Taskmaster, order: number): Promise<void> {
  await db.transaction(async (tx) => {
    await taskmaster.enqueue(sendReceipt, { order }, { within: throughDrizzle(tx) });
    await tx.execute(sql`insert into orders (id) values (${order})`);
  });
}
