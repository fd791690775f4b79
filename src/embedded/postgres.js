// @ts-check

// One run of Postgres on a data folder.
//
//  1. Two Postgres never run on one data folder: its own interlock (postmaster.pid, with the shared memory that it
//     names) is left in force. We never remove or change that file.
//  2. A process is only ever signalled when it is a child of ours, or is seen to be a Postgres that works in this data
//     folder. A pid that was written down proves nothing: it may belong to something else by now. Postgres would
//     refuse to start for such a pid, so it is told, by the variable that pg_ctl uses for it, that the pid is no rival.
//  3. Postgres does not outlive its supervisor for long: a guard holds the reading end of a pipe that only the
//     supervisor holds the other end of, and stops Postgres when the kernel closes it.

import { execFileSync, spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Refusal } from "./refusal.js";

const fastMilliseconds = 10_000;
const immediateMilliseconds = 6_000;
const startMilliseconds = 30_000;

/**
 * @typedef {object} Programs
 * @property {string} bin the folder with `initdb` and `postgres`
 * @property {import("./user.js").User | undefined} user
 * @property {string} log the file behind our stderr, which is theirs too
 *
 * @typedef {object} Running
 * @property {Promise<void>} exited
 * @property {(how: "fast" | "immediate") => Promise<void>} stop
 */

/**
 * Starts Postgres and waits until it accepts connections, however long its recovery takes.
 *
 * @param {Programs} programs
 * @param {string} data
 * @param {() => Promise<number>} choosePort asked before every try
 * @param {(line: string) => void} say
 * @returns {Promise<Running>}
 */
export async function startPostgres(programs, data, choosePort, say) {
  const until = Date.now() + startMilliseconds;
  for (;;) {
    await stopLeftover(data, programs.bin);
    const from = sizeOf(programs.log);
    const server = await tryStart(programs, data, await choosePort(), say);
    if (server) return server;
    const output = since(programs.log, from);
    // The port was taken in between; or the backends of a Postgres that was killed still finish their statement.
    const passing = /could not create any TCP|pre-existing shared memory|lock file "postmaster.pid" already exists/i;
    if (!passing.test(output) || Date.now() > until) throw failed("Postgres did not start", output, data, programs);
    await delay(250);
  }
}

/**
 * @param {Programs} programs
 * @param {string} data
 * @param {number} port
 * @param {(line: string) => void} say
 * @returns {Promise<Running | undefined>} undefined where it exited instead
 */
async function tryStart({ bin, user }, data, port, say) {
  const settings = { listen_addresses: "127.0.0.1", port, unix_socket_directories: "", logging_collector: "off" };
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const child = spawn(join(bin, "postgres"), ["-D", data, ...flags], {
    ...user,
    cwd: "/",
    stdio: ["ignore", 2, 2],
    env: environment(data),
  });
  let running = true;
  const ended = new Promise((done, refused) => {
    child.once("exit", done).once("error", (error) => refused(spawnRefusal(error, bin, user)));
  });
  const exited = ended
    .then(() => {})
    .finally(() => {
      running = false;
    });
  const guard = guardOf(child.pid, user);
  exited.catch(() => {}).then(() => guard?.kill("SIGKILL"));

  const slow = setTimeout(say, 3_000, "Postgres is still starting: it may be recovering what it had not yet written.");
  while (running && !isReady(data, child.pid)) await Promise.race([exited, delay(10)]);
  clearTimeout(slow);
  if (!running) return undefined;
  return {
    exited,
    async stop(how) {
      const signals =
        how === "fast"
          ? /** @type {const} */ (["SIGINT", "SIGQUIT", "SIGKILL"])
          : /** @type {const} */ (["SIGQUIT", "SIGKILL"]);
      for (const signal of signals) {
        if (!running) return;
        if (process.platform === "win32") pgCtlStop(bin, data);
        else child.kill(signal);
        const patience = new AbortController();
        const limit = signal === "SIGINT" ? fastMilliseconds : immediateMilliseconds;
        await Promise.race([exited, delay(limit, undefined, { signal: patience.signal }).catch(() => {})]);
        patience.abort();
      }
    },
  };
}

/**
 * Ends when the supervisor does, and takes Postgres along. Without a shell Postgres is left to the next supervisor.
 *
 * @param {number | undefined} pid
 * @param {import("./user.js").User | undefined} user
 */
function guardOf(pid, user) {
  if (process.platform === "win32" || !pid) return undefined;
  const guard = spawn("/bin/sh", ["-c", `read -r nothing; kill -INT ${pid}`, "taskmaster-guard"], {
    ...user,
    cwd: "/",
    stdio: ["pipe", "ignore", "ignore"],
    env: {},
  });
  guard.on("error", () => {});
  guard.stdin.on("error", () => {});
  return guard;
}

/**
 * Stops the Postgres that an earlier supervisor left on this data folder, if there is one, and waits until it is gone.
 *
 * @param {string} data
 * @param {string} bin
 */
export async function stopLeftover(data, bin) {
  const left = readPid(data);
  if (!left) return;
  if (process.platform === "win32") return pgCtlStop(bin, data);
  let signal = /** @type {NodeJS.Signals} */ ("SIGINT");
  let since = 0;
  while (worksIn(data, left.pid)) {
    if (since === 0 || Date.now() - since > fastMilliseconds) {
      process.kill(left.pid, signal);
      signal = "SIGQUIT";
      since = Date.now();
    }
    await delay(10);
  }
}

/**
 * @param {string} bin
 * @param {string} data
 */
function pgCtlStop(bin, data) {
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
      const name = basename(readFileSync(`/proc/${pid}/comm`, "utf8").trim());
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
function readPid(data) {
  try {
    const lines = readFileSync(join(data, "postmaster.pid"), "utf8").split("\n");
    const pid = Number(lines[0]);
    return pid > 0 ? { pid, ready: lines[7]?.trim() === "ready" } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * @param {string} data
 * @param {number | undefined} pid
 */
function isReady(data, pid) {
  const written = readPid(data);
  return written?.pid === pid && written?.ready === true;
}

/**
 * Runs one of the programs to its end. What it says comes by a pipe, because the log may have other writers: one whose
 * supervisor was killed, say. That one ends at its next word.
 *
 * @param {Programs} programs
 * @param {"initdb" | "postgres"} name
 * @param {string[]} flags
 * @param {{ data: string, input?: string, what: string }} about
 */
export async function runProgram(programs, name, flags, { data, input = "", what }) {
  const { bin, user } = programs;
  const child = spawn(join(bin, name), flags, { ...user, cwd: "/", stdio: "pipe", env: environment(data) });
  child.stdin.on("error", () => {}).end(input);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      output += text;
      process.stderr.write(text);
    });
  }
  const code = await new Promise((done, refused) => {
    child.once("close", done).once("error", (error) => refused(spawnRefusal(error, bin, user)));
  });
  if (code !== 0 || /^.*(ERROR|FATAL|PANIC): /m.test(output)) throw failed(what, output, data, programs);
}

/**
 * Without what a shell may carry for other servers and other languages; with the pid that is no rival (invariant 2).
 *
 * @param {string} data
 * @returns {NodeJS.ProcessEnv}
 */
function environment(data) {
  const kept = Object.entries(process.env).filter(([name]) => !/^(PG|LC_|LANG|TZ$)/.test(name));
  return { ...Object.fromEntries(kept), LC_ALL: "C", TZ: "UTC", PG_GRANDPARENT_PID: `${readPid(data)?.pid ?? ""}` };
}

/**
 * @param {NodeJS.ErrnoException} error
 * @param {string} bin
 * @param {import("./user.js").User | undefined} user
 */
function spawnRefusal(error, bin, user) {
  if (error.code === "ENOENT" && existsSync(join(bin, "postgres"))) {
    const message = `The Postgres binaries in ${bin} need glibc, which this system does not have (Alpine and other musl systems): set DATABASE_URL to a Postgres of your own, or use an image with glibc, such as node:20-slim.`;
    return new Refusal("PLATFORM", message);
  }
  if (user && (error.code === "EPERM" || error.code === "EINVAL")) {
    const message = `Postgres refuses to run as root, and this root may not become uid ${user.uid} (${error.code}): run as another user, or set DATABASE_URL to a Postgres of your own.`;
    return new Refusal("PLATFORM", message);
  }
  return error;
}

/**
 * @param {string} what
 * @param {string} output
 * @param {string} data
 * @param {Programs} programs
 */
function failed(what, output, data, { log }) {
  const telling = output
    .split("\n")
    .filter((line) => /error|fatal|panic|hint|detail|could not|no space|missing/i.test(line));
  const said = (telling.length > 0 ? telling : output.split("\n")).slice(-6).join("\n").trim();
  const advice = /no space left|check free disk space/i.test(output) ? "Make room on that disk" : `Read ${log}`;
  const message = `${what} in ${dirname(data)}:\n${said}\n${advice}, or set DATABASE_URL to a Postgres of your own.`;
  return new Refusal("START", message, { folder: dirname(data), output });
}

/** @param {string} log */
const sizeOf = (log) => statSync(log, { throwIfNoEntry: false })?.size ?? 0;

/**
 * What the log gained.
 *
 * @param {string} log
 * @param {number} from
 */
function since(log, from) {
  const length = Math.min(sizeOf(log) - from, 1 << 20);
  if (length <= 0) return "";
  const file = openSync(log, "r");
  const buffer = Buffer.alloc(length);
  const read = readSync(file, buffer, 0, length, from);
  closeSync(file);
  return buffer.subarray(0, read).toString("utf8");
}
