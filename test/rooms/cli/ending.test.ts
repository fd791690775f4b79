import { once } from "node:events";
import { expect, test } from "vitest";
import { Project } from "../../setup/command-line.ts";
import { testDatabase } from "../../setup/database.ts";

/** As a client of Redis would, or a pool of connections, or a server. */
const tasks = `
import { createServer } from "node:http";
import { task } from "taskmaster";
import { z } from "zod";
createServer().listen(0);
export const greet = task("greet").payload(z.object({ n: z.number() })).short(() => {});
`;

test("what the code of the tasks keeps open holds no command back, and its exit code stays", async () => {
  const here = new Project((await testDatabase()).url, { "src/tasks.mjs": tasks });
  const call = (...args: string[]) => here.call([...args, "--tasks", "src/tasks.mjs"]);
  expect(await call("enqueue", "greet", '{"n":1}')).toMatchObject({ code: 0 });
  expect(await call("enqueue", "greet", '{"n":"one"}')).toMatchObject({ code: 1 });
  expect(await call("deploy", "affected")).toMatchObject({ code: 0 });
  expect(await call("check", "--write")).toMatchObject({ code: 0 });
});

test("nor a worker that was told to stop", async () => {
  const here = new Project((await testDatabase()).url, { "src/tasks.mjs": tasks });
  const worker = here.start(["work", "src/tasks.mjs", "--json", "--verbose"]);
  await new Promise<void>((resolve) =>
    worker.stdout.on("data", (text: Buffer) => {
      if (text.includes("process.registered")) resolve();
    }),
  );
  worker.kill("SIGTERM");
  expect(await once(worker, "exit")).toEqual([0, null]);
});

test("nor do those who read what it says, and have gone: it stops in good order", async () => {
  const { url, sql } = await testDatabase();
  const here = new Project(url, { "src/tasks.mjs": tasks });
  for (const gone of ["stderr", "stdout"] as const) {
    const worker = here.start(["work", "src/tasks.mjs", "--json", "--verbose"]);
    const registered = new Promise<void>((resolve) =>
      worker.stdout.on("data", (text: Buffer) => {
        if (text.includes("process.registered")) resolve();
      }),
    );
    worker.stderr.resume();
    await registered;
    worker[gone].destroy();
    const exit = once(worker, "exit");
    if (gone === "stderr") worker.kill("SIGTERM");
    else await here.call(["enqueue", "greet", '{"n":1}', "--tasks", "src/tasks.mjs"]); // of which it has something to say
    expect(await exit, gone).toEqual([0, null]);
  }
  const { rows } = await sql.query("select from taskmaster.process where role = 'worker' and stopped_at is null");
  expect(rows).toEqual([]);
});

test("a command whose reader has gone keeps the exit code that it has come to", async () => {
  const here = new Project((await testDatabase()).url, { "src/tasks.mjs": tasks });
  expect((await here.call(["check", "--write", "--tasks", "src/tasks.mjs"])).code).toBe(0);
  here.write("src/tasks.mjs", tasks.replace("n: z.number()", "n: z.number(), m: z.number()"));
  for (const how of [[], ["--json"]]) {
    const check = here.start(["check", "--tasks", "src/tasks.mjs", ...how]);
    check.stderr.resume();
    check.stdout.destroy();
    expect(await once(check, "exit"), how.join()).toEqual([1, null]);
  }
});
