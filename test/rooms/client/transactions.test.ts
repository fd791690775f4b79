import { drizzle } from "drizzle-orm/node-postgres";
import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { Taskmaster } from "taskmaster";
import { Worker } from "taskmaster/worker";
import { describe, expect, it, onTestFinished } from "vitest";
import * as withDrizzle from "../../../examples/transactions/drizzle.ts";
import * as withKysely from "../../../examples/transactions/kysely.ts";
import * as withPg from "../../../examples/transactions/pg.ts";
import { sendReceipt } from "../../../examples/transactions/tasks.ts";
import type { Queryable } from "../../../src/engine/queryable.ts";
import { testDatabase } from "../../setup/database.ts";
import { Events } from "../../setup/events.ts";

/** A library with a connection of its own: the example's way of placing an order, and a transaction to do more in. */
interface Library {
  placeOrder(taskmaster: Taskmaster, order: number): Promise<void>;
  transaction(work: (within: Queryable) => Promise<void>): Promise<void>;
}

function pool(url: string): pg.Pool {
  const opened = new pg.Pool({ connectionString: url, max: 2 });
  onTestFinished(() => opened.end());
  return opened;
}

const libraries: Record<string, (url: string) => Library> = {
  pg: (url) => {
    const connections = pool(url);
    return {
      placeOrder: (taskmaster, order) => withPg.placeOrder(connections, taskmaster, order),
      transaction: async (work) => {
        const client = await connections.connect();
        try {
          await client.query("begin");
          await work(client);
          await client.query("commit");
        } catch (error) {
          await client.query("rollback");
          throw error;
        } finally {
          client.release();
        }
      },
    };
  },
  Drizzle: (url) => {
    const db = drizzle(pool(url));
    return {
      placeOrder: (taskmaster, order) => withDrizzle.placeOrder(db, taskmaster, order),
      transaction: (work) => db.transaction((tx) => work(withDrizzle.throughDrizzle(tx))),
    };
  },
  Kysely: (url) => {
    const db = new Kysely<withKysely.Shop>({ dialect: new PostgresDialect({ pool: pool(url) }) });
    return {
      placeOrder: (taskmaster, order) => withKysely.placeOrder(db, taskmaster, order),
      transaction: (work) => db.transaction().execute((tx) => work(withKysely.throughKysely(tx))),
    };
  },
};

describe.each(Object.entries(libraries))("enqueueing in a transaction of %s", (_name, open) => {
  async function shop() {
    const { url, sql } = await testDatabase();
    await sql.query("create table orders (id int primary key)");
    const taskmaster = new Taskmaster({ database: url, release: "1" });
    onTestFinished(() => taskmaster.stop());
    const orders = async () => (await sql.query("select payload from taskmaster.job order by id")).rows;
    return { url, sql, taskmaster, library: open(url), orders };
  }

  it("makes the job with the commit, and no job with the rollback", async () => {
    const { url, taskmaster, library, orders } = await shop();
    await library.placeOrder(taskmaster, 1);
    await expect(library.placeOrder(taskmaster, 1)).rejects.toThrow(); // the order is there already
    await library.placeOrder(taskmaster, 2);
    expect(await orders()).toEqual([{ payload: { order: 1 } }, { payload: { order: 2 } }]);

    const events = new Events();
    const worker = new Worker({ tasks: [sendReceipt], database: url, release: "1" });
    await worker.start();
    await events.next("job.succeeded", ({ task }) => task === "order.receipt", 2);
    await worker.stop();
  });

  it("shows nobody the job before the commit", async () => {
    const { taskmaster, library, orders } = await shop();
    await library.transaction(async (within) => {
      const { id, duplicate } = await taskmaster.enqueue(sendReceipt, { order: 1 }, { within });
      expect(id).toMatch(/^\d+$/);
      expect(duplicate).toBe(false);
      expect(await orders()).toEqual([]);
    });
    expect(await orders()).toHaveLength(1);
  });

  it("takes keys, delays and many jobs at once", async () => {
    const { sql, taskmaster, library, orders } = await shop();
    const runAt = new Date(Date.now() + 7_200_000);
    const before = await taskmaster.enqueue(sendReceipt, { order: 1 }, { key: "first", delay: "1h" });
    await library.transaction(async (within) => {
      const again = await taskmaster.enqueue(sendReceipt, { order: 1 }, { key: "first", within });
      expect(again).toEqual({ id: before.id, duplicate: true });
      const second = await taskmaster.enqueue(sendReceipt, { order: 2 }, { key: "second", runAt, within });
      expect(second.duplicate).toBe(false);
      await taskmaster.enqueueMany(sendReceipt, [{ order: 3 }, { order: 4 }], { runAt, priority: "low", within });
    });
    expect(await orders()).toEqual([1, 2, 3, 4].map((order) => ({ payload: { order } })));
    const { rows } = await sql.query("select count(*)::int as jobs from taskmaster.job where run_at = $1", [runAt]);
    expect(rows).toEqual([{ jobs: 3 }]);
  });

  it("asks no more of the transaction's role than to insert jobs", async () => {
    const { sql, taskmaster, library, orders } = await shop();
    const role = `shop_${process.pid}`;
    await taskmaster.start();
    await sql.query(`create role ${role}`);
    try {
      await sql.query(`grant usage on schema taskmaster to ${role}; grant insert on taskmaster.job to ${role}`);
      await library.transaction(async (within) => {
        await within.query(`set local role ${role}`, []);
        await taskmaster.enqueue(sendReceipt, { order: 1 }, { within });
        await taskmaster.enqueueMany(sendReceipt, [{ order: 2 }, { order: 3 }], { delay: "1h", within });
      });
    } finally {
      await sql.query(`drop owned by ${role}; drop role ${role}`);
    }
    expect(await orders()).toHaveLength(3);
  });
});
