/** Installs what is missing, builds Taskmaster, measures: what `npm run bench` runs. Needs nothing but Node and npm. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const npm = process.platform === "win32" ? "npm.cmd" : "npm";

/** @param {string[]} args */
function must(args) {
  const { status } = spawnSync(npm, args, { cwd: root, stdio: ["inherit", "inherit", "inherit"] });
  if (status !== 0) process.exit(status ?? 1);
}

if (!existsSync(`${root}node_modules`)) must(["ci"]);
if (!existsSync(`${root}bench/node_modules`)) must(["ci", "--prefix", "bench"]);
if (process.env.BENCH_NO_BUILD !== "1") must(["run", "--silent", "build"]);
await import("./run.js");
