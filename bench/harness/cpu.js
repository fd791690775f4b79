import { readdirSync, readFileSync } from "node:fs";

/** Linux counts a process's time in hundredths of a second, on every machine that Node runs on. */
const ticksPerSecond = 100;

/** @param {number} pid */
function statOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat
      .slice(stat.lastIndexOf(")") + 2)
      .split(" ")
      .map(Number);
    const [parent = 0, user = 0, system = 0, childUser = 0, childSystem = 0] = [1, 11, 12, 13, 14].map(
      (at) => fields[at] ?? 0,
    );
    return { parent, own: (user + system) / ticksPerSecond, reaped: (childUser + childSystem) / ticksPerSecond };
  } catch {
    return undefined;
  }
}

/** The process that started another one, if it runs on this machine. @param {number} pid */
export function parentOf(pid) {
  return statOf(pid)?.parent;
}

/** Whether a process of this machine has that name. @param {number} pid @param {string} name */
export function isNamed(pid, name) {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim().startsWith(name);
  } catch {
    return false;
  }
}

/**
 * CPU seconds of a process and its children, those that have ended included: of a Postgres, its backends, its
 * autovacuum and its WAL writer.
 * @param {number} pid
 * @returns {number | undefined} undefined where this system does not tell
 */
export function treeSeconds(pid) {
  const root = statOf(pid);
  if (root === undefined) return undefined;
  let seconds = root.own + root.reaped;
  for (const name of readdirSync("/proc")) {
    const child = /^\d+$/.test(name) ? statOf(Number(name)) : undefined;
    if (child?.parent === pid) seconds += child.own;
  }
  return seconds;
}
