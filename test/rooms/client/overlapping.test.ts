import pg from "pg";
import { onTestFinished, test } from "vitest";
import { z } from "zod";
import { Taskmaster } from "../../../src/client/taskmaster.ts";
import { type AnyTask, type Task, task } from "../../../src/contract/task.ts";
import { fromText } from "../../../src/engine/wake-ups.ts";
import { Worker } from "../../../src/worker/worker.ts";
import { testDatabase } from "../../setup/database.ts";
import { Events } from "../../setup/events.ts";
import { until } from "../../setup/until.ts";

type Simple = Task<Record<string, never>>;

test("what a transaction writes while another one is about to notify is told of behind its commit: jobs, several, keyed ones, and events", async () => {
  const { url, sql } = await testDatabase();
  const connected = async () => {
    const client = new pg.Client(url);
    await client.connect();
    onTestFinished(() => client.end());
    return client;
  };
  const events = new Events();
  const [first, one, several, keyed] = ["first", "one", "several", "keyed"].map((name) =>
    task(`overlapping.${name}`)
      .payload(z.object({}))
      .short(() => {}),
  ) as [Simple, Simple, Simple, Simple];
  const waiting = task("overlapping.waiting")
    .payload(z.object({}))
    .interruptible(async (_, ctx) => void (await ctx.waitFor("it")));
  const tasks = [first, one, several, keyed, waiting];
  await using worker = new Worker({ database: url, tasks, release: "r1" });
  await worker.start();
  await using client = new Taskmaster({ database: url, tasks, release: "r1" });
  await client.enqueue(waiting, {});
  await until("it waits", async () => (await sql.query("select from taskmaster.event_wait")).rowCount);
  const [within, other, listener] = [await connected(), await connected(), await connected()];
  const told = new Set<number>();
  listener.on("notification", ({ payload = "" }) => {
    for (const { lane } of fromText(payload)) told.add(lane);
  });
  await listener.query("listen taskmaster_job");

  await other.query("begin");
  await client.enqueue(first, {}, { within: other }); // it notifies, and stays open
  const writes: [AnyTask, () => Promise<unknown>][] = [
    [one, () => client.enqueue(one, {}, { within })],
    [several, () => client.enqueueMany(several, [{}, {}], { within })],
    [keyed, () => client.enqueue(keyed, {}, { within, key: "one" })],
    [waiting, () => client.signal("it", null, { within })],
  ];
  for (const [{ name }, write] of writes) {
    await within.query("begin");
    await write();
    await within.query("commit");
    const { rows } = await sql.query<{ id: number }>("select id from taskmaster.lane where task = $1", [name]);
    await until(`workers are told of ${name}`, () => rows.some(({ id }) => told.has(id)), { forMs: 10_000 });
  }
  await events.next("job.succeeded", () => true, 5);
  await other.query("commit");
  await events.next("job.succeeded", () => true, 6);
});
