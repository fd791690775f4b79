import { expect, onTestFinished, test } from "vitest";
import { Database } from "../../../src/engine/database.ts";
import type { Statement } from "../../../src/engine/statement.ts";
import { ClaimLoop, type ClaimLoopOptions } from "../../../src/worker/claim-loop.ts";
import { Closing } from "../../../src/worker/closing.ts";
import type { HeldJob } from "../../../src/worker/held-job.ts";
import { Pace } from "../../../src/worker/pace.ts";
import { Scout } from "../../../src/worker/scout.ts";
import { TaskTable } from "../../../src/worker/task-table.ts";
import { testDatabase } from "../../setup/database.ts";
import { until } from "../../setup/until.ts";
import { enqueue, interruptible, register } from "../engine/cast.ts";

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
  const tasks = new TaskTable([interruptible]);
  const offered: HeldJob[] = [];
  const loop = new ClaimLoop({
    database: slow,
    tasks,
    scout: new Scout(slow, tasks, null),
    // Of the worker's other parts only what the loop asks them for: they know of nothing.
    runner: {
      ...{ concurrency: 10, freeSlots: 10, buffered: 0, pace: new Pace(10), jobs: () => offered },
      offer: (jobs: readonly HeldJob[]) => offered.push(...jobs),
    } as unknown as ClaimLoopOptions["runner"],
    settler: { unsettled: 0, jobs: () => [] } as unknown as ClaimLoopOptions["settler"],
    closing: new Closing(),
    isSure: () => true,
    process: () => id,
    onClaimed: () => {},
  });
  loop.start();
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
