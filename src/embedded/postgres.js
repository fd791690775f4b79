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

import { spawn } from "node:child_process";
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pgCtlStop, readPid, stopLeftover } from "./leftover.js";
import { environment, failed, spawnRefusal } from "./program.js";

const fastMilliseconds = 10_000;
const immediateMilliseconds = 6_000;
const startMilliseconds = 30_000;

/**
 * @typedef {object} Running
 * @property {Promise<void>} exited
 * @property {(how: "fast" | "immediate") => Promise<void>} stop
 */

/**
 * Starts Postgres and waits until it accepts connections, however long its recovery takes.
 *
 * @param {import("./program.js").Programs} programs
 * @param {string} data
 * @param {() => Promise<number>} choosePort asked before every try
 * @param {(line: string) => void} say
 * @returns {Promise<Running>}
 */
export async function startPostgres(programs, data, choosePort, say) {
  const until = Date.now() + startMilliseconds;
  for (;;) {
    const stranger = await stopLeftover(data, programs.bin);
    const from = sizeOf(programs.log);
    const server = await tryStart(programs, { data, port: await choosePort(), stranger }, say);
    if (typeof server === "object") return server;
    const output = since(programs.log, from);
    // The port was taken in between; or the backends of a Postgres that was killed still finish their statement.
    const passing = /could not create any TCP|pre-existing shared memory|lock file "postmaster.pid" already exists/i;
    const again = server === "killed" || passing.test(output);
    if (!again || Date.now() > until) throw failed("Postgres did not start", output, data, programs);
    await delay(250);
  }
}

/**
 * @param {import("./program.js").Programs} programs
 * @param {{ data: string, port: number, stranger: number | undefined }} start
 * @param {(line: string) => void} say
 * @returns {Promise<Running | "killed" | "failed">} how it ended, where it did: by somebody's signal, or by itself
 */
async function tryStart({ bin, user }, { data, port, stranger }, say) {
  const settings = { listen_addresses: "127.0.0.1", port, unix_socket_directories: "", logging_collector: "off" };
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const child = spawn(join(bin, "postgres"), ["-D", data, ...flags], {
    ...user,
    cwd: "/",
    stdio: ["ignore", 2, 2],
    env: environment(stranger),
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
  // Asked to stop, it ends with 0, though nobody here has asked.
  if (!running) return child.signalCode || child.exitCode === 0 ? "killed" : "failed";
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
 * @param {string} data
 * @param {number | undefined} pid
 */
function isReady(data, pid) {
  const written = readPid(data);
  return written?.pid === pid && written?.ready === true;
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
