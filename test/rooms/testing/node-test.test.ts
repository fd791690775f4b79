import { execFile } from "node:child_process";
import { expect, test } from "vitest";
import { Project } from "../../setup/command-line.ts";
import { testDatabase } from "../../setup/database.ts";

const proof = `
import assert from "node:assert/strict";
import { appendFile, readFile, writeFile } from "node:fs/promises";
import test from "node:test";
import { task } from "taskmaster";
import { interruptAnywhere, TestQueue } from "taskmaster/testing";
import { z } from "zod";

const appends = task("appends").payload(z.object({})).interruptible(async (_, ctx) => {
  await ctx.step("first", () => 1);
  await appendFile("log.txt", "line"); // line 11
});
const writes = task("writes").payload(z.object({})).interruptible(async (_, ctx) => {
  await ctx.step("first", () => 1);
  await writeFile("log.txt", "the whole of it");
});
const world = { reset: () => writeFile("log.txt", ""), snapshot: () => readFile("log.txt", "utf8") };

test("the line is named", async () => {
  await assert.rejects(interruptAnywhere(appends, {}, world), (error) => /proof\\.test\\.mjs:11:/.test(error.where));
});
test("a task that may be interrupted passes", async () => {
  assert.equal((await interruptAnywhere(writes, {}, world)).kills, 6);
});
test("a queue is drained", async () => {
  const queue = await TestQueue.start({ tasks: [writes] });
  await queue.taskmaster.enqueue(writes, {});
  assert.equal((await queue.drain()).length, 1);
  await queue.stop();
});
`;

test("the proof and the queue work in node:test, from the built package, and leave nothing that keeps the program running", async () => {
  const { url } = await testDatabase();
  const project = new Project(url, { "proof.test.mjs": proof });
  const { code, stdout } = await new Promise<{ code: number; stdout: string }>((resolve) =>
    execFile(
      process.execPath,
      ["--test", "proof.test.mjs"],
      { cwd: project.folder, env: { ...process.env, DATABASE_URL: url, NODE_OPTIONS: "" }, timeout: 50_000 },
      (error, out) => resolve({ code: Number(error?.code ?? 0), stdout: out }),
    ),
  );
  expect(stdout).toMatch(/pass 3/);
  expect(code).toBe(0);
});
