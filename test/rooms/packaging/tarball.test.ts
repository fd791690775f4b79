import { execFile, spawn } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { testDatabase } from "../../setup/database.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../..", import.meta.url));

const tasks = `
import { task } from "taskmaster";
import { z } from "zod";

export const confirmUser = task("user.confirm")
  .payload(z.object({ id: z.number(), message: z.string() }))
  .short({ timeLimit: "30s" }, async ({ id, message }: { id: number; message: string }) => {
    console.log("mail to " + id + ": " + message);
  });
`;

test("the tarball, installed in a fresh project, runs tasks written in TypeScript without a build step", {
  timeout: 180_000,
}, async () => {
  const { url, sql } = await testDatabase();
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "taskmaster-fresh-")));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  const env = { ...process.env, DATABASE_URL: url, NO_COLOR: "1", NODE_ENV: "" };

  const { stdout: packed } = await run("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", folder], {
    cwd: root,
    env,
  });
  const [{ filename, files }] = JSON.parse(packed) as [{ filename: string; files: { path: string }[] }];
  expect(
    files
      .map(({ path }) => path)
      .filter((path) => !/^(dist\/|package\.json$|README\.md$|CHANGELOG\.md$|LICENSE$)/.test(path)),
  ).toEqual([]);

  writeFileSync(join(folder, "package.json"), '{ "name": "fresh", "type": "module", "private": true }');
  await run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", `./${filename}`, "zod@4"], {
    cwd: folder,
    env,
  });
  writeFileSync(join(folder, "tasks.ts"), tasks);

  const taskmaster = (...args: string[]) => run("npx", ["taskmaster", ...args], { cwd: folder, env });
  expect((await taskmaster("--help")).stdout).toContain("Background tasks on Postgres");
  const { stdout: id } = await taskmaster("enqueue", "user.confirm", '{"id":42,"message":"hello!"}');

  const worker = spawn("npx", ["taskmaster", "work"], { cwd: folder, env, detached: true });
  onTestFinished(() => {
    try {
      process.kill(-(worker.pid as number), "SIGKILL"); // npx may have gone without its worker
    } catch {} // so has the worker
  });
  let log = "";
  await new Promise<void>((resolve) => {
    worker.stdout?.on("data", (data) => {
      log += data;
      if (log.includes("succeeded")) resolve();
    });
  });
  expect(log).toContain("mail to 42: hello!");
  const ended = new Promise((resolve) => worker.once("exit", resolve));
  worker.kill("SIGTERM");
  await ended;
  const { rows } = await sql.query("select job::text from taskmaster.succeeded, unnest(jobs) as job");
  expect(rows).toEqual([{ job: id.trim() }]);

  // Its types are those of the sources: a wrong payload does not compile.
  writeFileSync(
    join(folder, "right.ts"),
    'import { Taskmaster } from "taskmaster";\nimport { confirmUser } from "./tasks.js";\nawait new Taskmaster().enqueue(confirmUser, { id: 1, message: "" });\n',
  );
  writeFileSync(
    join(folder, "wrong.ts"),
    'import { Taskmaster } from "taskmaster";\nimport { confirmUser } from "./tasks.js";\nawait new Taskmaster().enqueue(confirmUser, { id: "1" });\n',
  );
  const compile = (file: string) =>
    run(
      process.execPath,
      [
        join(root, "node_modules/typescript/bin/tsc"),
        "--noEmit",
        "--strict",
        "--module",
        "nodenext",
        "--target",
        "es2022",
        "--lib",
        "es2023,dom",
        "--skipLibCheck",
        file,
      ],
      { cwd: folder },
    );
  await compile("right.ts");
  await expect(compile("wrong.ts")).rejects.toMatchObject({ stdout: expect.stringContaining("wrong.ts(3,") });
});
