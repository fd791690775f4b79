/** Installs what is missing, builds Taskmaster, measures: what `npm run bench` runs. Needs nothing but Node and npm. */
import { spawnSync } from "node:child_process";
import { existsSync, symlinkSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const npm = process.platform === "win32" ? "npm.cmd" : "npm";

/** @param {string[]} args */
function must(args) {
  const { status } = spawnSync(npm, args, { cwd: root, stdio: ["inherit", "inherit", "inherit"] });
  if (status !== 0) process.exit(status ?? 1);
}

if (!existsSync(`${root}node_modules`)) must(["ci"]);
// not `ci`: the lockfile of one platform lacks what the peers want on others
if (!existsSync(`${root}bench/node_modules`))
  must(["install", "--no-save", "--no-audit", "--no-fund", "--prefix", "bench"]);
const own = `${root}bench/node_modules/taskmaster`;
if (!existsSync(own)) symlinkSync("../..", own, "dir");
if (process.env.BENCH_NO_BUILD !== "1") must(["run", "--silent", "build"]);
await import("./run.js");
