import { execFile, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { testDatabase } from "../setup/database.ts";
import { until } from "../setup/until.ts";
import { type Fence, type Page, pages, root } from "./fences.ts";

const exec = promisify(execFile);
const everyPage = pages();
/** The folder of a reader's, with this package installed. */
const folder = realpathSync(mkdtempSync(join(tmpdir(), "taskmaster-docs-")));

beforeAll(() => {
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(root, join(folder, "node_modules/taskmaster"));
  for (const name of readdirSync(join(root, "node_modules")))
    if (name !== "taskmaster") symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  for (const page of everyPage) writeFiles(page);
});
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

/** Where a block's files are: its own, and the latest form of those that the page named before. */
function placeOf(page: Page, fence: Fence): string {
  return join(folder, basename(page.name, ".md"), `line-${fence.line}`);
}

function writeFiles(page: Page): void {
  const firstTasks = everyPage[0]?.fences.find(({ file }) => file === "tasks.ts");
  const files = new Map(firstTasks && [["tasks.ts", firstTasks.text]]);
  for (const fence of page.fences) {
    if (fence.language === "ts") files.set(fence.file, fence.text);
    const place = placeOf(page, fence);
    mkdirSync(place, { recursive: true });
    for (const [name, text] of files) writeFileSync(join(place, name), text);
    for (const name of ["example.ts", "taskmaster.config.ts"]) files.delete(name); // these belong to their block alone
  }
}

test("every example compiles, as strictly as we do", { timeout: 240_000 }, async () => {
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: {
        ...{ strict: true, noEmit: true, skipLibCheck: true, target: "es2022", module: "nodenext" },
        ...{ lib: ["es2023", "esnext.disposable"], types: ["node"], noUncheckedIndexedAccess: true },
        ...{ exactOptionalPropertyTypes: true, allowImportingTsExtensions: true, moduleDetection: "force" },
      },
      include: ["*/*/*.ts"],
      exclude: ["node_modules"],
    }),
  );
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const { stdout } = await exec(process.execPath, [tsc, "-p", folder]).catch((error: { stdout: string }) => error);
  expect(stdout).toBe("");
});

for (const page of everyPage) {
  const running = page.fences.filter(
    ({ language, run, text }) => run || (language === "sh" && commands(text).length > 0),
  );
  if (running.length === 0) continue;
  test(`${page.name}: what it tells to run runs`, { timeout: 240_000 }, async () => {
    const { url, sql } = await testDatabase();
    const env = { ...process.env, CI: "", DATABASE_URL: url, NO_COLOR: "1", TASKMASTER_RELEASE: "docs" };
    for (const fence of running) {
      const cwd = placeOf(page, fence);
      if (fence.language === "ts") {
        await exec(process.execPath, ["--import", "jiti/register", fence.file], { cwd, env, timeout: 90_000 });
        continue;
      }
      for (const command of commands(fence.text)) {
        const line = command.replace(
          /^npx taskmaster/,
          `exec "${process.execPath}" "${join(root, "dist/cli/main.js")}"`,
        );
        if (command.startsWith("npx taskmaster work")) {
          const worker = spawn("bash", ["-c", line], { cwd, env, stdio: ["ignore", "ignore", "pipe"] });
          onTestFinished(() => void worker.kill("SIGKILL"));
          await until("a worker is there, and no job is due any more", async () => {
            const { rows } = await sql.query(
              `select from taskmaster.process where role = 'worker' and stopped_at is null
                and not exists (select from taskmaster.job where run_at <= now())`,
            );
            return rows.length > 0;
          });
          worker.kill("SIGTERM");
          const code = await new Promise((resolve) => worker.once("close", resolve));
          expect({ command, code }).toEqual({ command, code: 0 });
        } else await exec("bash", ["-c", line], { cwd, env, timeout: 90_000 }).catch(passWhereNothingIsThere);
      }
    }
  });
}

/** A command that is called rightly may find that no job fits. */
function passWhereNothingIsThere(error: { readonly code: number; readonly stderr: string }): void {
  if (error.code !== 1 || !error.stderr.includes("TASKMASTER_NOT_DONE")) throw error;
}

/** The lines of a shell block that are run. A comment at their end is for the reader. */
function commands(text: string): string[] {
  return text.split("\n").filter((line) => line.startsWith("npx taskmaster "));
}

describe("links", () => {
  test.each(everyPage.map((page) => [page.name, page] as const))("%s: every link leads somewhere", (_, page) => {
    const links = [...page.text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link);
    const broken = links.filter((link) => !/^https?:/.test(link) && !leadsSomewhere(page, link));
    expect(broken).toEqual([]);
  });
});

function leadsSomewhere(page: Page, link: string): boolean {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? page.name : join(page.name, "..", path);
  const known = everyPage.find(({ name }) => name === target);
  if (anchor !== undefined) return known !== undefined && anchors(known.text).includes(anchor);
  return existsSync(join(root, target));
}

/** As GitHub makes them of headings. */
function anchors(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
}
