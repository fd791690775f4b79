import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { Taskmaster, task } from "../../src/exports/taskmaster.ts";
import { Worker } from "../../src/exports/worker.ts";
import { testDatabase } from "../setup/database.ts";
import { passage } from "../setup/passage.ts";
import { until } from "../setup/until.ts";

test("a worker whose database has gone asks for it now and then, and goes on when it is back", async () => {
  const { url, sql } = await testDatabase();
  const way = await passage(url);
  const ran: number[] = [];
  const count = task("count")
    .payload(z.object({ n: z.number() }))
    .interruptible(async ({ n }) => {
      ran.push(n);
    });
  const taskmaster = new Taskmaster({ database: url, tasks: [count] });
  const worker = new Worker({ database: way.url, tasks: [count], lease: "3s" });
  onTestFinished(async () => {
    await worker.stop();
    await taskmaster.stop();
  });
  await worker.start();
  await taskmaster.enqueue(count, { n: 1 });
  await until("the first job has run", () => ran.length === 1);

  const shutAt = performance.now();
  const before = way.came;
  way.let("refused");
  way.cut();
  await taskmaster.enqueue(count, { n: 2 });
  await new Promise((resolve) => setTimeout(resolve, 4_000)); // longer than its lease: it has become unsure of itself, and fenced itself
  const asked = (way.came - before) / ((performance.now() - shutAt) / 1_000);
  way.let("open");

  await until("the second job has run", () => ran.length === 2);
  expect(asked, "connections a second").toBeLessThan(25);
  await until("both are settled", async () => (await sql.query("select from taskmaster.job")).rowCount === 0);
  expect(ran).toEqual([1, 2]);
});
