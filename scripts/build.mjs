// Builds dist/ from src/, one file to one file: paths relative to a module stay valid, and a stack trace names the room.
// Where src/ has not changed since the last time it does nothing, unless it is told to: --force. Programs may run from dist/
// meanwhile, and others may build it too: it is replaced whole, at the end.
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");

/**
 * The last change of a file, or of a folder and all below it: a folder changes when something in it is removed.
 *
 * @param {string} path
 * @returns {number}
 */
function changedAt(path) {
  const stat = statSync(path);
  const below = stat.isDirectory() ? readdirSync(path).map((name) => changedAt(join(path, name))) : [];
  return Math.max(stat.mtimeMs, ...below);
}

/** dist/ carries the time at which its build began. */
export function isStale() {
  const sources = ["src", "tsconfig.json", "tsconfig.build.json", "scripts/build.mjs"].map((name) => join(root, name));
  return !existsSync(dist) || Math.max(...sources.map(changedAt)) > statSync(dist).mtimeMs;
}

/** @returns whether the sources were without errors */
export function build() {
  const began = new Date();
  const [next, previous] = [join(root, `dist.next-${process.pid}`), join(root, `dist.previous-${process.pid}`)];
  try {
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const { status } = spawnSync(process.execPath, [tsc, "-p", "tsconfig.build.json", "--outDir", next], {
      cwd: root,
      stdio: "inherit",
    });
    if (status !== 0) return false;
    const command = join(next, "cli/main.js");
    if (existsSync(command)) chmodSync(command, 0o755);
    utimesSync(next, began, began);
    while (existsSync(next)) {
      try {
        if (existsSync(dist)) renameSync(dist, previous);
        renameSync(next, dist);
      } catch (error) {
        if (!isFolderInTheWay(error)) throw error; // of another build, which ended just now
        rmSync(previous, { recursive: true, force: true });
      }
    }
    return true;
  } finally {
    for (const folder of [next, previous]) rmSync(folder, { recursive: true, force: true });
  }
}

/** @param {unknown} error */
function isFolderInTheWay(error) {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ENOENT" || code === "ENOTEMPTY" || code === "EEXIST";
}

if (process.argv[1] === fileURLToPath(import.meta.url) && (process.argv.includes("--force") || isStale()))
  process.exitCode = build() ? 0 : 1;
