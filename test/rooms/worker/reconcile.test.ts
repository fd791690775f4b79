import { expect, onTestFinished, test } from "vitest";
import { Database } from "../../../src/engine/database.ts";
import type { Statement } from "../../../src/engine/statement.ts";
import { testDatabase } from "../../setup/database.ts";
import { until } from "../../setup/until.ts";
import { enqueue, interruptible, register } from "../engine/cast.ts";
import { claimLoop } from "./claim-loop-scene.ts";

/** Holds back the reply to a claim that has been committed. */
class SlowReplies extends Database {
  let: () => void = () => {};
  readonly #may = new Promise<void>((resolve) => {
    this.let = resolve;
  });

  override async queryInLine<Row>(statement: Statement, values: readonly unknown[] = []): Promise<Row[]> {
    const rows = await super.queryInLine<Row>(statement, values);
    await this.#may;
    return rows;
  }
}

test("what a claim brings is not given back while it is on its way here, as where a gate closes for short tasks and claims go on", async () => {
  const { url, database, sql } = await testDatabase();
  const { id } = await register(database);
  const written = await enqueue(database, interruptible, 3);
  const slow = new SlowReplies({ url });
  const { loop, offered } = claimLoop({ database: slow, tasks: [interruptible], process: id, ahead: 0 });
  onTestFinished(async () => {
    slow.let();
    await loop.stop();
    await slow.end();
  });
  const owned = async () =>
    (await sql.query<{ id: string }>("select id::text from taskmaster.job where worker = $1 order by job.id", [id]))
      .rows;
  await until("the claim is committed", async () => (await owned()).length === 3);
  await loop.reconcile();
  expect((await owned()).map((job) => job.id)).toEqual(written);
  slow.let();
  await until("they have come", () => offered.length === 3);
  await loop.reconcile();
  expect(await owned()).toHaveLength(3);

  offered.length = 0; // the reply has come, and nobody knows of them any more
  await loop.reconcile();
  expect(await owned()).toEqual([]);
});
