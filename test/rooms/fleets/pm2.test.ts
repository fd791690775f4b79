import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { orSayWhatIsLeftOut, workerFolders } from "../../setup/brokers.ts";
import { Project } from "../../setup/command-line.ts";
import { testDatabase } from "../../setup/database.ts";
import { until } from "../../setup/until.ts";

const [pm2Folder] = workerFolders("pm2");
const isThere = orSayWhatIsLeftOut(pm2Folder !== undefined, "PM2", "pm2 is missing");

const tasks = `
import { appendFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { task } from "taskmaster";
import { z } from "zod";
const note = (what, id) => appendFileSync("ledger.txt", [what, id, process.env.TASKMASTER_RELEASE].join(" ") + "\\n");
export const mail = task("mail").payload(z.object({ ms: z.number() })).short({ timeLimit: "60s" }, async ({ ms }, { job }) => {
  note("start", job.id);
  await pause(ms);
  note("end", job.id);
});
`;

/** What the page says to copy. */
function pageConfig(): string {
  const page = readFileSync(new URL("../../../docs/deploying/pm2.md", import.meta.url), "utf8");
  return /```js\n(?<config>.*?)```/s.exec(page)?.groups?.config ?? "";
}

test.skipIf(!isThere)(
  "docs/deploying/pm2.md: deploy run around pm2 restart cuts off no short task, and the new release goes on",
  async () => {
    const database = await testDatabase();
    const project = new Project(database.url, { "tasks.ts": tasks, "ecosystem.config.cjs": pageConfig() });
    const bin = join(project.folder, "node_modules/.bin");
    mkdirSync(bin);
    const main = fileURLToPath(new URL("../../../dist/cli/main.js", import.meta.url));
    chmodSync(main, 0o755);
    symlinkSync(main, join(bin, "taskmaster"));
    const home = mkdtempSync("/tmp/tmpm2-"); // a socket's path must be short
    const program = join(pm2Folder ?? "", "node_modules/pm2/bin/pm2");
    const env = { ...process.env, PM2_HOME: home, DATABASE_URL: database.url, TASKMASTER_RELEASE: "old" };
    const pm2 = (...args: string[]) =>
      execFileSync(process.execPath, [program, ...args], { cwd: project.folder, env, timeout: 60_000, stdio: "pipe" });
    onTestFinished(() => {
      pm2("kill");
      rmSync(home, { recursive: true, force: true, maxRetries: 5 });
    });
    const lines = (what: string) => {
      const file = join(project.folder, "ledger.txt");
      if (!existsSync(file)) return [];
      return readFileSync(file, "utf8")
        .split("\n")
        .filter((line) => line.startsWith(what));
    };
    pm2("start", "ecosystem.config.cjs");
    for (let n = 0; n < 12; n++) await project.call(["enqueue", "mail", JSON.stringify({ ms: n < 10 ? 1_500 : 10 })]);
    await until("ten run", () => lines("start").length >= 10, { forMs: 60_000 });
    const restart = `TASKMASTER_RELEASE=new PM2_HOME=${home} ${process.execPath} ${program} restart worker --update-env`;
    const answer = await project.call(["deploy", "run", "--release", "new", "--", "sh", "-c", restart]);
    expect(answer.code, answer.stderr).toBe(0);
    await project.call(["enqueue", "mail", '{"ms":10}']);
    await until("all have run", () => lines("end").length === 13, { forMs: 60_000 });
    expect(lines("start")).toHaveLength(13); // none was cut off and run again
    expect(lines("end").at(-1)).toContain(" new");
  },
  180_000,
);
