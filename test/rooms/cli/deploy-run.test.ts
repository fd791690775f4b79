import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Project } from "../../setup/command-line.ts";
import { testDatabase } from "../../setup/database.ts";
import { until } from "../../setup/until.ts";

const taskmaster = "node node_modules/taskmaster/dist/cli/main.js";
const run = ["deploy", "run", "--no-check", "--workers", "0", "--", "sh", "-c"];

const tasks = `
import { task } from "taskmaster";
import { z } from "zod";
export const one = task("one").payload(z.object({})).short(() => {});
export const slow = task("slow").payload(z.object({})).short(() => new Promise((resolve) => setTimeout(resolve, 20_000)));
`;

async function scene() {
  const database = await testDatabase();
  const project = new Project(database.url, { "tasks.ts": tasks });
  return { ...database, project, exists: (file: string) => existsSync(join(project.folder, file)) };
}

test("a gate that somebody else opens while the command runs is not called finished", async () => {
  const { project } = await scene();
  const { code, stderr } = await project.call([...run, `${taskmaster} deploy abort --reason "a colleague"`]);
  expect(code).toBe(1);
  expect(stderr).toContain("Not finished");
  expect(stderr).not.toContain("Finished.");
  expect((await project.call(["deploy", "show", "1"])).stdout).toContain("a colleague");
});

test("who is interrupted just before the command starts runs none of it", async () => {
  const { project, sql, exists } = await scene();
  await sql.query(
    `create function slowly() returns trigger language plpgsql as 'begin perform pg_sleep(1.5); return new; end';
     create trigger slowly before insert on taskmaster.deploy_event for each row when (new.event = 'command started') execute function slowly()`,
  );
  const child = project.start([...run, "touch ran"]);
  child.stderr.resume();
  await until("the start is being written", async () => {
    const { rowCount } = await sql.query("select from pg_stat_activity where wait_event = 'PgSleep'");
    return rowCount;
  });
  child.kill("SIGTERM");
  expect(await once(child, "exit")).toEqual([130, null]);
  expect(exists("ran")).toBe(false);
});

test("a signal reaches what the command has started, and the gate opens when that has ended", async () => {
  const { project, exists } = await scene();
  project.write(
    "migrate.cjs",
    `const { writeFileSync } = require("node:fs");
     process.on("SIGTERM", () => setTimeout(() => { writeFileSync("ended", ""); process.exit(); }, 700));
     writeFileSync("began", "");
     setInterval(() => {}, 1_000);`,
  );
  const child = project.start([...run, "node migrate.cjs && touch restarted"]);
  let said = "";
  child.stderr.on("data", (data: Buffer) => {
    said += data;
    if (said.includes("is open again") && !exists("ended")) said += "\ntoo early";
  });
  await until("it migrates", () => exists("began"));
  child.kill("SIGTERM");
  await once(child, "close");
  expect(said).toContain("interrupted while the command ran");
  expect(said).not.toContain("too early");
  expect([exists("ended"), exists("restarted")]).toEqual([true, false]);
});

test("the commit that is live already is deployed once more, by its name in full: its new workers run behind the gate", async () => {
  const { project, sql } = await scene();
  const commit = "4a04420888850ec69c74f27b748859164ab5804f";
  project.start(["work", "--release", commit.slice(0, 12)]).stderr.resume();
  const workers = "select from taskmaster.process where role = 'worker'";
  await until("it works", async () => (await sql.query(workers).catch(() => ({ rowCount: 0 }))).rowCount);
  const restart = `${taskmaster} work --release ${commit.slice(0, 12)} > worker.log 2>&1 & echo $! > pid`;
  const { code, stderr } = await project.call([
    ...["deploy", "run", "--no-check", "--release", commit, "--wait", "60s", "--", "sh", "-c", restart],
  ]);
  process.kill(Number(readFileSync(join(project.folder, "pid"), "utf8")), "SIGKILL");
  expect(stderr).toContain("Finished.");
  expect(code).toBe(0);
});

test("a new worker that goes by another name than the one that is deployed is warned of", async () => {
  const { project, sql } = await scene();
  expect((await project.call(["deploy", "prepare", "--release", "r2"])).code).toBe(0);
  project.start(["work", "--release", "r9"]).stderr.resume();
  const workers = "select from taskmaster.process where role = 'worker'";
  await until("it works", async () => (await sql.query(workers)).rowCount);
  const { stdout, stderr } = await project.call(["deploy", "finish"]);
  expect(stdout + stderr).toMatch(/of r9 runs, and what is deployed is called r2/);
});

test("the verdict is told where the ticket cannot be written", async () => {
  const { project, sql } = await scene();
  project.start(["work"]).stderr.resume();
  expect((await project.call(["enqueue", "slow", "{}"])).code).toBe(0);
  await until(
    "it runs",
    async () => (await sql.query("select from taskmaster.job where started_at is not null")).rowCount,
  );
  const said = await project.call(["deploy", "prepare", "--timeout", "1s", "--ticket", "nowhere/ticket.md", "--json"]);
  expect(said.code).toBe(3);
  expect(said.stderr).toContain("The ticket was not written");
  expect(JSON.parse(said.stdout)).toMatchObject({ verdict: "blocked", blockers: [{ task: "slow" }] });
});
