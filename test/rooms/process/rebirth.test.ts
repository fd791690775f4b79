import pg from "pg";
import { expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import { Taskmaster } from "../../../src/client/taskmaster.ts";
import { task } from "../../../src/contract/task.ts";
import type { Database } from "../../../src/engine/database.ts";
import { timedHeartbeat } from "../../../src/process/heartbeat.ts";
import { Worker } from "../../../src/worker/worker.ts";
import { testDatabase } from "../../setup/database.ts";
import { Events } from "../../setup/events.ts";
import { passage } from "../../setup/passage.ts";
import { until } from "../../setup/until.ts";

const some = task("some")
  .payload(z.object({}))
  .short(() => {});
const die = "update taskmaster.process set died_at = now(), cause = 'lease'";
const living = "select id from taskmaster.process where died_at is null and stopped_at is null";

async function livingWorker() {
  const { url, sql } = await testDatabase();
  const events = new Events();
  const worker = new Worker({ database: url, release: "a", tasks: [some], lease: "2s" });
  await worker.start();
  onTestFinished(() => worker.stop());
  return { url, sql, events, worker };
}

test("a worker that is stopped while it registers again leaves nothing that beats on", async () => {
  const { url, sql, events, worker } = await livingWorker();
  const blocker = new pg.Client(url);
  await blocker.connect();
  onTestFinished(() => blocker.end());
  await blocker.query("begin");
  await blocker.query("lock table taskmaster.process_task in share mode"); // who registers waits
  await sql.query(die);
  await events.next("process.declared-dead");
  const waiting = "select from pg_stat_activity where wait_event_type = 'Lock' and query ~ 'process_task'";
  await until("it waits to register again", async () => (await sql.query(waiting)).rowCount);
  const stopping = worker.stop();
  await Promise.race([stopping, new Promise((resolve) => setTimeout(resolve, 1_000))]); // it would sign off what it was before
  await blocker.query("commit");
  await stopping;
  await until("all that it did has ended", async () => (await sql.query(waiting)).rowCount === 0);
  expect((await sql.query(living)).rows).toEqual([]);
});

test("a worker whose new registration is refused at first registers again later, and ends no program", async () => {
  const { sql, events } = await livingWorker();
  await sql.query(
    `create function refuse() returns trigger language plpgsql as 'begin raise exception ''not now''; end';
     create trigger refuse before insert on taskmaster.process for each row execute function refuse()`,
  );
  await sql.query(die);
  await events.next("database.lost", ({ during }) => during === "registering again");
  await sql.query("drop trigger refuse on taskmaster.process");
  await until("it is back", async () => (await sql.query(living)).rowCount === 1);
});

test("a worker that is taken for dead before its first beat starts when the database lets it in", async () => {
  const { url, sql } = await livingWorker();
  const way = await passage(url);
  const worker = new Worker({ database: way.url, release: "a", tasks: [some], lease: "2s" });
  const starting = worker.start();
  // Its first two connections are there; the heartbeat's, the third, has to wait for the database to have room.
  await until("it has two connections", () => way.came >= 2, { everyMs: 0 });
  way.let("waiting");
  await until("it was taken for dead", async () => {
    return (await sql.query("select from taskmaster.process where died_at is not null")).rowCount;
  });
  way.let("open");
  await starting;
  await worker.stop();
});

test("a producer that was taken for dead is known to write what it enqueues, also what it had not named", async () => {
  const { url, sql } = await testDatabase();
  const events = new Events();
  await using taskmaster = new Taskmaster({ database: url, release: "a" });
  await taskmaster.enqueue(some, {});
  const writers = async () =>
    (
      await sql.query(
        "select told.task from taskmaster.process_task as told join taskmaster.live_process on live_process.id = told.process where told.writes",
      )
    ).rows;
  expect(await writers()).toEqual([{ task: "some" }]);
  await sql.query(die);
  await events.next("process.registered", () => true, 2);
  expect(await writers()).toEqual([{ task: "some" }]);
});

test("of a producer one beat is on its way at a time: one that was taken for dead meanwhile comes back once", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  onTestFinished(() => void vi.useRealTimers());
  const answers: ((rows: unknown[]) => void)[] = [];
  const query = () => new Promise<unknown[]>((resolve) => answers.push(resolve));
  let deaths = 0;
  const heartbeat = timedHeartbeat({ query } as unknown as Database, {
    ...{ process: 1, leaseMs: 4_000, running: () => "[]", onFenced: () => {}, onBeat: () => {} },
    onDead: () => void deaths++,
  });
  await heartbeat.start();
  await vi.advanceTimersByTimeAsync(3_500);
  for (const answer of answers) answer([]);
  await vi.advanceTimersByTimeAsync(100);
  expect(deaths).toBe(1);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(answers).toHaveLength(2);
  await heartbeat.stop();
});
