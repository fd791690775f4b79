// Makes a checkout ready to run: installs what is missing, builds what is old, and says so. Needs nothing but Node and npm.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, isStale } from "./build.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Whether what is installed is what the lockfile says; packages of other platforms are not missed. */
function isInstalled() {
  /** @param {string} path @returns {Record<string, { version?: string, optional?: boolean, devOptional?: boolean }>} */
  const packages = (path) => JSON.parse(readFileSync(join(root, path), "utf8")).packages;
  try {
    const installed = packages("node_modules/.package-lock.json");
    return Object.entries(packages("package-lock.json")).every(
      ([path, { version, optional, devOptional }]) =>
        path === "" || installed[path]?.version === version || (!installed[path] && (optional || devOptional)),
    );
  } catch {
    return false; // nothing is installed, or it was cut off in the middle
  }
}

function install() {
  const npm = process.env.npm_execpath;
  const [command, args] = npm ? [process.execPath, [npm]] : ["npm", []];
  const { status, stdout, stderr } = spawnSync(command, [...args, "ci", "--include=dev", "--include=optional"], {
    cwd: root,
    encoding: "utf8",
    shell: npm === undefined && process.platform === "win32",
  });
  if (status !== 0) console.error(`${stdout ?? ""}${stderr ?? ""}`);
  return status === 0;
}

/**
 * @param {string} says
 * @param {() => boolean} work
 * @returns whether it came to its end
 */
function step(says, work) {
  console.log(says);
  return work();
}

const ready =
  (isInstalled() || step("Installing the packages of package-lock.json …", install)) &&
  (!isStale() || step("Building dist/ from src/ …", build));
if (!ready) {
  console.error("Not ready: the lines above say why.");
  process.exitCode = 1;
}
