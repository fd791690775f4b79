import { execFile } from "node:child_process";
import { expect, test } from "vitest";
import { Project } from "../../setup/command-line.ts";
import { testDatabase } from "../../setup/database.ts";

const tasks = `
import { appendFile, writeFile } from "node:fs/promises";
import { task } from "taskmaster";
import { z } from "zod";

export const all = [
  task("appends").payload(z.object({})).interruptible(async (_, ctx) => {
    await ctx.step("first", () => 1);
    await appendFile("log.txt", "line"); // line 9
  }),
  task("writes").payload(z.object({})).interruptible(async (_, ctx) => {
    try {
      const text: string = await ctx.step("first", () => "the whole of it");
      await writeFile("log.txt", text);
    } finally {
      await ctx.step("last", () => 1);
    }
  }),
];
`;
const proof = `
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import test from "node:test";
import { task } from "taskmaster";
import { interruptAnywhere } from "taskmaster/testing";
import { z } from "zod";

// The tasks are TypeScript, which only the killed process loads.
const named = (name) => task(name).payload(z.object({})).interruptible(() => { throw new Error("not here"); });
const world = {
  kill: "process",
  module: new URL("./tasks.ts", import.meta.url),
  reset: () => writeFile("log.txt", ""),
  snapshot: () => readFile("log.txt", "utf8"),
};
test("the line is named", async () => {
  await assert.rejects(interruptAnywhere(named("appends"), {}, world), (error) => /tasks\\.ts:9:/.test(error.where) || assert.fail(error));
});
test("a task that may be interrupted passes", async () => {
  assert.equal((await interruptAnywhere(named("writes"), {}, world)).kills, 8);
});
test("what is missing is told", async () => {
  await assert.rejects(interruptAnywhere(named("other"), {}, world), /tasks\\.ts exports no task named other/);
  await assert.rejects(interruptAnywhere(named("other"), {}, { ...world, module: undefined }), /name the file that exports it/);
});
`;

test("kills a process of the task's own with kill -9, before and after each effect", async () => {
  const { url } = await testDatabase();
  const project = new Project(url, { "tasks.ts": tasks, "proof.test.mjs": proof });
  const { code, stdout } = await new Promise<{ code: number; stdout: string }>((resolve) =>
    execFile(
      process.execPath,
      ["--test", "proof.test.mjs"],
      { cwd: project.folder, env: { ...process.env, DATABASE_URL: url, NODE_OPTIONS: "" }, timeout: 55_000 },
      (error, out) => resolve({ code: Number(error?.code ?? 0), stdout: out }),
    ),
  );
  expect(stdout).toMatch(/pass 3/);
  expect(code).toBe(0);
});
