import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Project } from "../../setup/command-line.ts";
import { testDatabase } from "../../setup/database.ts";

const files = {
  "tasks.ts": `
import { task } from "taskmaster";
import { z } from "zod";
import { greet } from "./lib/greet.ts";
import { total } from "./lib/total.ts";
const payload = z.object({ n: z.number() });
export const mail = task("mail").payload(payload).short(({ n }) => { greet(n); });
export const bill = task("bill").payload(payload).short(({ n }) => { total(n); });
`,
  "lib/greet.ts": "export const greet = (n) => { console.log('hello', n); };\n",
  "lib/total.ts": "import { tax } from './tax.ts';\nexport const total = (n) => n * tax;\nexport const unused = 1;\n",
  "lib/tax.ts": "export const tax = 1.2;\n",
  ".gitignore": "node_modules\n",
};

async function scene() {
  const { url } = await testDatabase();
  const project = new Project(url, files);
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.com", ...args], {
      cwd: project.folder,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    }).trim();
  git("init", "-q");
  git("add", ".");
  git("commit", "-qm", "first");
  const work = async (...args: string[]) => {
    const child = project.start(["work", "--json", "--verbose", ...args]);
    child.stderr.resume();
    await new Promise<void>((resolve) => {
      child.stdout.on("data", (data: Buffer) => {
        if (data.includes("process.registered")) resolve();
      });
    });
  };
  const affected = async (...args: string[]) => {
    const answer = await project.call(["deploy", "affected", "--json", ...args]);
    if (answer.code !== 0) throw new Error(answer.stderr);
    const { compared, workers } = JSON.parse(answer.stdout);
    return {
      tasks: Object.fromEntries(
        (compared[0]?.tasks ?? []).map((each: { task: string; change: string }) => [each.task, each.change]),
      ),
      workers: workers.map((each: { restart: boolean; because: string[] }) => [each.restart, each.because]),
    };
  };
  return { project, git, work, affected };
}

test("a worker needs a restart where the code changed that its tasks can reach, however far away, and not for what they cannot", async () => {
  const { project, git, work, affected } = await scene();
  const first = git("rev-parse", "HEAD");
  await work("--release", first);
  await work("--release", "no-commit");
  expect((await affected("--base", "HEAD")).tasks).toEqual({ mail: "same", bill: "same" });

  project.write(
    "lib/total.ts",
    "import { tax } from './tax.ts';\n// a comment\nexport const total = (n) =>\n  n * tax;\nexport const unused = 2;\n",
  );
  project.write("README.md", "hello");
  expect((await affected("--base", "HEAD")).tasks).toEqual({ mail: "same", bill: "same" });
  expect(await affected()).toEqual({
    tasks: { mail: "same", bill: "same" },
    workers: [
      [false, []],
      [true, ["its release is not known to git here"]],
    ],
  });

  project.write("lib/tax.ts", "export const tax = 1.25;\n");
  git("add", ".");
  git("commit", "-qm", "second");
  expect(await affected("--base", "HEAD~1")).toEqual({
    tasks: { mail: "same", bill: "changed" },
    workers: [
      [true, ["bill"]],
      [true, ["bill"]],
    ],
  });
  expect((await affected()).workers[0]).toEqual([true, ["bill"]]);
  expect((await affected("--base", "HEAD")).workers[0]).toEqual([false, []]);
  const people = await project.call(["deploy", "affected", "--base", "HEAD~1"]);
  expect(people.stdout).toMatch(/Since HEAD~1: 1 of 2 tasks reach other code, 1 the same\.\n +changed +bill/);
  expect(people.stdout).toMatch(/restart +bill/);
  expect(git("status", "--porcelain")).toBe("");
});

test("a new task, a task that is gone, and the version of a package that a task imports", async () => {
  const { project, git, work, affected } = await scene();
  const lock = (version: string) =>
    JSON.stringify({
      packages: { "node_modules/zod": { version, dependencies: {} }, "node_modules/other": { version } },
    });
  project.write("package-lock.json", lock("4.0.0"));
  git("add", ".");
  git("commit", "-qm", "a lockfile");
  await work("--release", git("rev-parse", "HEAD"));
  project.write("package-lock.json", lock("4.0.1"));
  expect((await affected("--base", "HEAD")).tasks).toEqual({ mail: "changed", bill: "changed" });
  project.write("package-lock.json", lock("4.0.0"));
  project.write(
    "tasks.ts",
    files["tasks.ts"].replace('export const bill = task("bill")', 'export const count = task("count")'),
  );
  const { tasks, workers } = await affected("--base", "HEAD");
  expect(tasks).toEqual({ mail: "same", count: "new" });
  expect(workers).toEqual([[true, ["bill"]]]);
});

test("what cannot be compared is said", async () => {
  const { project } = await scene();
  const unknown = await project.call(["deploy", "affected", "--base", "nothing"]);
  expect(unknown.code).toBe(1);
  expect(unknown.stderr).toContain("git knows no revision nothing here");
  project.write("lib/tax.ts", "export const tax = ;\n");
  mkdirSync(join(project.folder, "empty"));
  expect((await project.call(["deploy", "affected", "--base", "HEAD"])).stderr).toMatch(
    /could not be loaded|could not be followed/,
  );
});
