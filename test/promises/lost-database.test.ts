import { connect, createServer, type Server, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { Taskmaster, task } from "../../src/exports/taskmaster.ts";
import { Worker } from "../../src/exports/worker.ts";
import { testDatabase } from "../setup/database.ts";
import { until } from "../setup/until.ts";

/** A way to a database that can be shut, and opened again. Counts who comes while it is shut. */
async function door(url: string) {
  const target = new URL(url);
  const open = new Set<Socket>();
  let isShut = false;
  let refused = 0;
  const server: Server = createServer((near) => {
    near.on("error", () => {});
    if (isShut) {
      refused++;
      near.destroy();
      return;
    }
    const far = connect(Number(target.port), target.hostname);
    for (const socket of [near, far]) {
      open.add(socket);
      socket
        .on("error", () => {})
        .on("close", () => {
          open.delete(socket);
          near.destroy();
          far.destroy();
        });
    }
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  onTestFinished(() => {
    server.close();
    for (const socket of open) socket.destroy();
  });
  const { port } = server.address() as { port: number };
  return {
    url: Object.assign(new URL(url), { host: `127.0.0.1:${port}` }).href,
    shut() {
      isShut = true;
      for (const socket of open) socket.destroy();
    },
    reopen() {
      isShut = false;
      return refused;
    },
  };
}

test("a worker whose database has gone asks for it now and then, and goes on when it is back", async () => {
  const { url, sql } = await testDatabase();
  const way = await door(url);
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
  way.shut();
  await taskmaster.enqueue(count, { n: 2 });
  await new Promise((resolve) => setTimeout(resolve, 4_000)); // longer than its lease: it has become unsure of itself, and fenced itself
  const asked = way.reopen() / ((performance.now() - shutAt) / 1_000);

  await until("the second job has run", () => ran.length === 2);
  expect(asked, "connections a second").toBeLessThan(25);
  await until("both are settled", async () => (await sql.query("select from taskmaster.job")).rowCount === 0);
  expect(ran).toEqual([1, 2]);
});
