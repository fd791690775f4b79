import type { Queryable, Taskmaster } from "taskmaster";
import { sendReceipt } from "./tasks.ts";

/** What is asked of a transaction of Prisma's: every generated client has it. */
export interface PrismaTransaction {
  $queryRawUnsafe(text: string, ...values: unknown[]): PromiseLike<unknown>;
}

/** A transaction of Prisma's as `within` takes it. */
export function throughPrisma(tx: PrismaTransaction): Queryable {
  return { query: async (text, values) => ({ rows: (await tx.$queryRawUnsafe(text, ...values)) as unknown[] }) };
}

export interface Prisma {
  $transaction<T>(work: (tx: PrismaTransaction) => Promise<T>): Promise<T>;
}

export async function placeOrder(prisma: Prisma, taskmaster: Taskmaster, order: number): Promise<void> {
  await prisma.$transaction(async (tx) => {
    await taskmaster.enqueue(sendReceipt, { order }, { within: throughPrisma(tx) });
    await tx.$queryRawUnsafe("insert into orders (id) values ($1)", order);
  });
}
