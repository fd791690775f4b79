// @ts-check
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { Refusal } from "./refusal.js";

/**
 * What Postgres's programs are run with.
 *
 * @typedef {object} Programs
 * @property {string} bin the folder with `initdb` and `postgres`
 * @property {import("./user.js").User | undefined} user
 * @property {string} log the file behind our stderr, which is theirs too
 */

/**
 * Runs one of the programs to its end. What it says comes by a pipe, because the log may have other writers: one whose
 * supervisor was killed, say. That one ends at its next word.
 *
 * @param {Programs} programs
 * @param {"initdb" | "postgres"} name
 * @param {string[]} flags
 * @param {{ data: string, input?: string, stranger?: number | undefined, what: string }} about
 */
export async function runProgram(programs, name, flags, { data, input = "", stranger, what }) {
  const { bin, user } = programs;
  const child = spawn(join(bin, name), flags, { ...user, cwd: "/", stdio: "pipe", env: environment(stranger) });
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
 * Without what a shell may carry for other servers and other languages.
 *
 * @param {number} [stranger] what `postmaster.pid` may name without being a rival
 * @returns {NodeJS.ProcessEnv}
 */
export function environment(stranger) {
  const kept = Object.entries(process.env).filter(([name]) => !/^(PG|LC_|LANG|TZ$)/.test(name));
  return {
    ...Object.fromEntries(kept),
    LC_ALL: "C",
    TZ: "UTC",
    ...(stranger && { PG_GRANDPARENT_PID: `${stranger}` }),
  };
}

/**
 * @param {NodeJS.ErrnoException} error
 * @param {string} bin
 * @param {import("./user.js").User | undefined} user
 */
export function spawnRefusal(error, bin, user) {
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
export function failed(what, output, data, { log }) {
  const telling = output
    .split("\n")
    .filter((line) => /error|fatal|panic|hint|detail|could not|no space|missing/i.test(line));
  const said = (telling.length > 0 ? telling : output.split("\n")).slice(-6).join("\n").trim();
  const advice = /no space left|check free disk space/i.test(output) ? "Make room on that disk" : `Read ${log}`;
  const message = `${what} in ${dirname(data)}:\n${said}\n${advice}, or set DATABASE_URL to a Postgres of your own.`;
  return new Refusal("START", message, { folder: dirname(data), output });
}
