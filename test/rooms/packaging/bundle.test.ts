import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { expect, onTestFinished, test } from "vitest";
import { testDatabase } from "../../setup/database.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../..", import.meta.url));

const program = `
import { subscribe } from "node:diagnostics_channel";
import { Taskmaster, task } from "taskmaster";
import { Worker } from "taskmaster/worker";
import { z } from "zod";

const hello = task("hello")
  .payload(z.object({ name: z.string() }))
  .short(async ({ name }) => console.log("hello, " + name));

async function main() {
  const taskmaster = new Taskmaster({ tasks: [hello], release: "bundled" });
  await taskmaster.enqueue(hello, { name: "world" });
  await taskmaster.stop();
  const worker = new Worker({ tasks: [hello], release: "bundled" });
  subscribe("taskmaster", ({ event }: any) => {
    if (event === "job.succeeded") setImmediate(() => worker.stop());
  });
  await worker.start();
}
main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
`;

/** A user's folder, with what \`npm install taskmaster zod\` gives it, and a folder for what is built. */
function project(): { folder: string; out: string } {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "taskmaster-bundle-")));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(root, join(folder, "node_modules/taskmaster"));
  for (const name of ["zod", "pg"]) symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  writeFileSync(join(folder, "worker.ts"), program);
  return { folder, out: join(folder, "out") };
}

test("a worker bundled without its packages runs", async () => {
  const { url } = await testDatabase();
  const { folder, out } = project();
  await build({
    absWorkingDir: folder,
    entryPoints: ["worker.ts"],
    outdir: out,
    bundle: true,
    platform: "node",
    format: "esm",
    packages: "external",
  });
  const { stdout } = await run(process.execPath, [join(out, "worker.js")], {
    env: { ...process.env, DATABASE_URL: url },
  });
  expect(stdout).toBe("hello, world\n");
});

test("a worker bundled whole runs where nothing is installed, with its heartbeat's thread beside it", async () => {
  const { url } = await testDatabase();
  const { folder, out } = project();
  await build({
    absWorkingDir: folder,
    entryPoints: { worker: "worker.ts", "heartbeat-thread": "taskmaster/heartbeat-thread" },
    outdir: out,
    bundle: true,
    platform: "node",
    format: "esm",
    banner: { js: 'import { createRequire as r } from "node:module"; const require = r(import.meta.url);' },
  });
  rmSync(join(folder, "node_modules"), { recursive: true });
  const env = { ...process.env, DATABASE_URL: url };
  const { stdout } = await run(process.execPath, [join(out, "worker.js")], { cwd: out, env });
  expect(stdout).toBe("hello, world\n");

  // Without the thread it does not start, and says what is missing.
  rmSync(join(out, "heartbeat-thread.js"));
  await expect(run(process.execPath, [join(out, "worker.js")], { cwd: out, env })).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining("heartbeat-thread.js"),
  });
});
