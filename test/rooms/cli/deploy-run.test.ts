import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Project } from "../../setup/command-line.ts";
import { testDatabase } from "../../setup/database.ts";
import { until } from "../../setup/until.ts";

const taskmaster = "node node_modules/taskmaster/dist/cli/main.js";
const run = ["deploy", "run", "--no-check", "--workers", "0", "--", "sh", "-c"];

async function scene() {
  const database = await testDatabase();
  const project = new Project(database.url, {});
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
    `create function slowly() returns trigger language plpgsql as 'begin perform pg_sleep(3); return new; end';
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
