import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import { Taskmaster } from "../../../src/client/taskmaster.ts";
import { task } from "../../../src/contract/task.ts";
import { Database } from "../../../src/engine/database.ts";
import type { TaskmasterEvent } from "../../../src/engine/events.ts";
import { Worker } from "../../../src/worker/worker.ts";
import { testDatabase } from "../../setup/database.ts";
import { Events } from "../../setup/events.ts";
import { until } from "../../setup/until.ts";

const empty = z.object({});

/** Resolves in the very turn in which the success of a job of that task is told. */
async function success(name: string): Promise<void> {
  await new Promise<void>((resolve) => {
    const listen = (message: unknown) => {
      const event = message as TaskmasterEvent;
      if (event.event !== "job.succeeded" || event.task !== name) return;
      unsubscribe("taskmaster", listen);
      resolve();
    };
    subscribe("taskmaster", listen);
  });
}

test.each([0, 1, 2, 3])(
  "an attempt that ends %i turns after another one's success was told is settled",
  async (more) => {
    const { url, sql } = await testDatabase();
    let ended = false;
    const child = task("child")
      .payload(empty)
      .short(() => {});
    const parent = task("parent")
      .payload(empty)
      .short(async () => {
        const done = success("child");
        await taskmaster.enqueue(child, {});
        await done;
        for (let turn = 0; turn < more; turn++) await undefined;
        ended = true;
      });
    await using taskmaster = new Taskmaster({ database: url, release: "a" });
    await using worker = new Worker({ database: url, release: "a", tasks: [parent, child] });
    await worker.start();
    await taskmaster.enqueue(parent, {});
    await until("the function has ended", () => ended);
    const none = async () => (await sql.query("select from taskmaster.job")).rowCount === 0;
    await until("both are settled", none, { forMs: 10_000 });
  },
);

test.each([
  ["55P03", "canceling statement due to lock timeout"],
  ["57014", "canceling statement due to statement timeout"],
  ["53100", "could not extend file: No space left on device"],
])(
  "an outcome that the database does not take for a while (%s) is written later, and nothing runs twice",
  async (code, message) => {
    const { url, sql } = await testDatabase();
    const events = new Events();
    const { query } = Database.prototype;
    let refused = 0;
    // As while somebody makes an index, or forgets a transaction that has locked the table.
    vi.spyOn(Database.prototype, "query").mockImplementation(function (this: Database, statement, ...rest) {
      if (statement.name.includes("settle") && refused++ < 4)
        return Promise.reject(Object.assign(new Error(message), { code }));
      return query.call(this, statement, ...rest) as Promise<never>;
    });
    onTestFinished(() => void vi.restoreAllMocks());
    let runs = 0;
    const mail = task("mail")
      .payload(empty)
      .short(() => void runs++);
    await using taskmaster = new Taskmaster({ database: url, release: "a" });
    await using worker = new Worker({ database: url, release: "a", tasks: [mail] });
    await worker.start();
    await taskmaster.enqueue(mail, {});
    const none = async () => (await sql.query("select from taskmaster.job")).rowCount === 0;
    await until("it is settled", none, { forMs: 20_000 });
    expect(refused).toBeGreaterThan(4);
    expect(runs).toBe(1);
    expect(events.of("job.lost")).toEqual([]);
  },
);
