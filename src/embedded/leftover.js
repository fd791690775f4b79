// @ts-check
import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const fastMilliseconds = 10_000;

/**
 * Stops the Postgres that an earlier supervisor left on this data folder, if there is one, and waits until it is gone.
 *
 * @param {string} data
 * @param {string} bin
 * @returns {Promise<number | undefined>} the pid that is written there and is seen to be no Postgres of this folder, or
 *   no longer. Whoever starts a Postgres must be told this one, and not read it again: by then it may be a real rival.
 */
export async function stopLeftover(data, bin) {
  const pid = readPid(data)?.pid;
  if (!pid) return undefined;
  if (process.platform === "win32") pgCtlStop(bin, data);
  let signal = /** @type {NodeJS.Signals} */ ("SIGINT");
  let since = 0;
  while (worksIn(data, pid)) {
    if (Date.now() - since > fastMilliseconds) {
      signalTo(pid, signal);
      signal = "SIGQUIT";
      since = Date.now();
    }
    await delay(10);
  }
  return pid;
}

/**
 * @param {number} pid
 * @param {NodeJS.Signals} signal
 */
function signalTo(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone in this moment.
  }
}

/**
 * @param {string} bin
 * @param {string} data
 */
export function pgCtlStop(bin, data) {
  try {
    execFileSync(join(bin, "pg_ctl"), ["stop", "-D", data, "-m", "fast", "-w"], { stdio: "ignore" });
  } catch {
    // It says so where nothing runs.
  }
}

/**
 * Whether a pid is a Postgres that works in this data folder: it makes the folder its working directory.
 *
 * @param {string} data
 * @param {number} pid
 */
function worksIn(data, pid) {
  if (process.platform === "win32") return false;
  if (process.platform !== "linux") {
    try {
      const command = execFileSync("ps", ["-o", "command=", "-p", `${pid}`], { encoding: "utf8" });
      return command.includes("postgres") && command.includes(data);
    } catch {
      return false;
    }
  }
  const folder = statSync(data, { bigint: true });
  return as({ uid: Number(folder.uid), gid: Number(folder.gid) }, () => {
    try {
      const working = statSync(`/proc/${pid}/cwd`, { bigint: true });
      const name = readFileSync(`/proc/${pid}/comm`, "utf8").trim();
      return working.ino === folder.ino && working.dev === folder.dev && name === "postgres";
    } catch {
      return false;
    }
  });
}

/**
 * Does something as another user for a moment: a container's root may not look into processes of others.
 *
 * @template T
 * @param {import("./user.js").User} user
 * @param {() => T} action
 * @returns {T}
 */
function as(user, action) {
  if (process.getuid?.() !== 0) return action();
  process.setegid?.(user.gid);
  process.seteuid?.(user.uid);
  try {
    return action();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
  }
}

/**
 * What a running Postgres writes about itself; it adds `ready` when it accepts connections.
 *
 * @param {string} data
 * @returns {{ pid: number, ready: boolean } | undefined}
 */
export function readPid(data) {
  try {
    const lines = readFileSync(join(data, "postmaster.pid"), "utf8").split("\n");
    const pid = Number(lines[0]);
    return pid > 0 ? { pid, ready: lines[7]?.trim() === "ready" } : undefined;
  } catch {
    return undefined;
  }
}
