import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { Taskmaster } from "../../../src/client/taskmaster.ts";
import { task } from "../../../src/contract/task.ts";
import { Worker } from "../../../src/worker/worker.ts";
import { testDatabase } from "../../setup/database.ts";
import { Events } from "../../setup/events.ts";
import { passage } from "../../setup/passage.ts";
import { until } from "../../setup/until.ts";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test("what an incarnation had claimed does not start where the answer comes after its death", async () => {
  const { url, sql } = await testDatabase();
  const events = new Events();
  let runs = 0;
  const mail = task("mail")
    .payload(z.object({}))
    .short(() => void runs++);
  const idle = task("idle")
    .payload(z.object({}))
    .short(() => {});
  const way = await passage(url, "insert into taskmaster.claim");
  const rescuer = new Worker({ database: url, release: "a", tasks: [idle] });
  const worker = new Worker({ database: way.url, release: "a", tasks: [mail], lease: "4s" });
  onTestFinished(() => rescuer.stop());
  onTestFinished(() => worker.stop());
  await rescuer.start();
  await worker.start();
  await until("its line is known", () => way.sayers > 0);
  await pause(500);
  way.keepAnswers();
  const taskmaster = new Taskmaster({ database: url, release: "a" });
  await taskmaster.enqueue(mail, {});
  await taskmaster.stop();
  const process = await until("it is claimed", async () => {
    const { rows } = await sql.query("select worker, started_at from taskmaster.job where worker is not null");
    return rows[0]?.worker;
  });
  await sql.query("update taskmaster.process set died_at = now(), cause = 'lease' where id = $1", [process]);
  await events.next("process.died");
  await until(
    "it has come back as another one",
    async () =>
      (await sql.query("select from taskmaster.process where died_at is null and session_lock")).rows.length === 2,
  );
  await pause(1_500);
  const held = (await sql.query("select state, reason, detail from taskmaster.parked")).rows;
  const runsWhenHeld = runs;
  way.letAnswers();
  await pause(2_000);
  expect({ held, runsWhenHeld, runs }).toEqual({
    held: [expect.objectContaining({ state: "held" })],
    runsWhenHeld: 0,
    runs: 0,
  });
});
