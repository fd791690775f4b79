// @ts-check

// Which process supervises a place. There is no lock that every system has and that frees itself when its holder is
// killed, except a listening socket; so the lock is made of two things that are each atomic everywhere.
//
// A candidate listens on a socket of its own, and then publishes it by hard-linking a complete file to the name
// `supervisor.<n>`, n being one more than the highest there is. The supervisor is the one who published the highest.
//
//  1. A number has one publisher: link(2) fails where the name exists.
//  2. A published supervisor listens: its socket accepts from before the link until its process is gone. So who is
//     refused by the socket of the highest number knows that it is dead, by the word of the kernel, and never by a pid.
//  3. A number is never used twice: the highest file stays when its owner leaves, and only a living owner of a higher
//     number removes the lower ones. A candidate that published a number which had been used and removed meanwhile
//     sees the higher one when it looks again, and withdraws.
//  4. What was copied with its folder does not count: the file names the folder's inode.
//  5. A socket outside the folder, or on another kernel, cannot speak for its owner; there the file's modification
//     time does: the owner touches it every few seconds, and sets it to zero when it leaves in order.

import { randomBytes } from "node:crypto";
import {
  closeSync,
  fstatSync,
  futimesSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer } from "node:net";
import { hostname, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Refusal } from "./refusal.js";

export const heartbeatMilliseconds = 2_000;
const silenceMilliseconds = 7_000;

/** The address of a Unix socket has 108 bytes on Linux and 104 on macOS, the last one a zero. */
const longestSocket = 100;

/**
 * Where a process is, as far as it matters for reaching another one.
 *
 * @typedef {{ name: string, kernel: string, network: string, mounts: string }} Host
 *
 * @typedef {object} Published
 * @property {string} file
 * @property {number} number
 * @property {number} pid
 * @property {string} socket absolute, or relative to the place
 * @property {string} inode of the place
 * @property {Host} host
 */

/** @returns {Host} */
export function thisHost() {
  const read = (/** @type {() => string} */ of) => {
    try {
      return of().trim();
    } catch {
      return "";
    }
  };
  return {
    name: hostname(),
    kernel: read(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8")) || hostname(),
    network: read(() => readlinkSync("/proc/self/ns/net")),
    mounts: read(() => readlinkSync("/proc/self/ns/mnt")),
  };
}

/** @param {string} place */
const inodeOf = (place) => String(statSync(place, { bigint: true }).ino);

/**
 * The highest number that was published in a place.
 *
 * @param {string} place
 * @returns {Published | undefined}
 */
export function latest(place) {
  for (;;) {
    const number = Math.max(0, ...numbers(place));
    if (number === 0) return undefined;
    const file = join(place, `supervisor.${number}`);
    try {
      return { .../** @type {Published} */ (JSON.parse(readFileSync(file, "utf8"))), file, number };
    } catch (error) {
      // Removed since, by the owner of a higher number.
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== "ENOENT") throw error;
    }
  }
}

/** @param {string} place */
function numbers(place) {
  return readdirSync(place).flatMap((name) => {
    const digits = /^supervisor\.(\d+)$/.exec(name)?.[1];
    return digits ? [Number(digits)] : [];
  });
}

/**
 * A connection to a supervisor, or undefined where it is dead.
 *
 * @param {string} place
 * @param {Published} published
 * @returns {Promise<import("node:net").Socket | undefined>}
 * @throws {Refusal} where it lives but cannot be reached
 */
export async function reach(place, published) {
  const here = thisHost();
  const sameKernel = published.host.kernel === here.kernel;
  if (sameKernel && published.inode !== inodeOf(place)) return undefined;
  const path = resolve(place, published.socket);
  const socket = await connection(path, place);
  if (socket) return socket;
  if (sameKernel && (path !== published.socket || published.host.mounts === here.mounts)) return undefined;
  if (!(await beats(published.file))) return undefined;
  throw elsewhere(place, published.host);
}

/**
 * @param {string} place
 * @param {Host} host
 */
export function elsewhere(place, host) {
  return new Refusal(
    "ELSEWHERE",
    `The embedded Postgres in ${place} was started in another container or on another machine (${host.name}) and cannot be reached from here: stop what runs there, give each its own folder, or set DATABASE_URL to one Postgres for both.`,
    { folder: place, host: host.name },
  );
}

/**
 * @param {string} path
 * @param {string} place
 * @returns {Promise<import("node:net").Socket | undefined>}
 */
function connection(path, place) {
  return new Promise((done, failed) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.removeAllListeners("error");
      done(socket);
    });
    socket.once("error", (/** @type {NodeJS.ErrnoException} */ error) => {
      if (error.code === "EAGAIN") return setTimeout(() => connection(path, place).then(done, failed), 50);
      if (error.code !== "EACCES" && error.code !== "EPERM") return done(undefined);
      const message = `The embedded Postgres in ${place} was started by another user: start this one as the same user, open another folder, or set DATABASE_URL to a Postgres of your own.`;
      failed(new Refusal("FOLDER", message, { folder: place }));
    });
  });
}

/** @param {string} file */
async function beats(file) {
  const touched = () => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const first = touched();
  for (let waited = 0; waited < silenceMilliseconds && touched() === first && first > 0; waited += 250)
    await delay(250);
  return touched() !== first && touched() > 0;
}

/**
 * Becomes the supervisor of a place.
 *
 * @param {string} place
 * @returns {Promise<Leadership | undefined>} undefined where another process is
 *
 * @typedef {object} Leadership
 * @property {import("node:net").Server} server its connections are the members
 * @property {() => boolean} beat to be called every few seconds; false when the place was removed
 * @property {() => void} end gives the place up: from now on another process may lead
 */
export async function lead(place) {
  const before = latest(place);
  const alive = before && (await reach(place, before));
  alive?.destroy();
  if (alive) return undefined;

  const { server, path } = await listen(place);
  const number = (before?.number ?? 0) + 1;
  const published = publish(place, number, path);
  if (!published || numbers(place).some((other) => other > number)) {
    if (published) rmSync(published.file, { force: true });
    server.close();
    return undefined;
  }
  for (const lower of numbers(place).filter((other) => other < number)) removeDead(place, lower);
  const { fd } = published;
  return {
    server,
    beat() {
      futimesSync(fd, new Date(), new Date());
      return fstatSync(fd).nlink > 0;
    },
    end() {
      futimesSync(fd, 0, 0);
      closeSync(fd);
      server.close();
    },
  };
}

/**
 * @param {string} place
 * @param {number} number
 */
function removeDead(place, number) {
  const file = join(place, `supervisor.${number}`);
  try {
    /** @type {Published} */
    const dead = JSON.parse(readFileSync(file, "utf8"));
    if (process.platform !== "win32") rmSync(resolve(place, dead.socket), { force: true });
  } catch {
    // A socket that nobody knows any more costs nothing.
  }
  rmSync(file, { force: true });
}

/**
 * @param {string} place
 * @param {number} number
 * @param {string} socket
 */
function publish(place, number, socket) {
  const file = join(place, `supervisor.${number}`);
  const draft = `${file}.${randomBytes(6).toString("hex")}`;
  writeFileSync(draft, JSON.stringify({ pid: process.pid, socket, inode: inodeOf(place), host: thisHost() }), {
    mode: 0o644,
  });
  try {
    linkSync(draft, file);
    return { file, fd: openSync(file, "r+") };
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    if (code !== "EEXIST" && code !== "ENOENT") throw error;
    return undefined;
  } finally {
    rmSync(draft, { force: true });
  }
}

/**
 * Listens in the place, or, where its path is too long or its file system knows no sockets, in the temporary folder.
 *
 * @param {string} place
 */
async function listen(place) {
  const name = `${randomBytes(6).toString("hex")}.sock`;
  const paths = process.platform === "win32" ? [`\\\\.\\pipe\\taskmaster-${name}`] : [name];
  if (process.platform !== "win32") paths.push(join(tmpdir(), `taskmaster-${name}`), `/tmp/taskmaster-${name}`);
  /** @type {unknown} */
  let failure;
  for (const path of paths) {
    const absolute = resolve(place, path);
    if (Buffer.byteLength(absolute) > longestSocket) continue;
    const server = createServer();
    // Whoever can connect is told the password: the socket is bound at once, under this mask.
    const mask = process.umask(0o077);
    try {
      const listening = new Promise((done, failed) => server.once("error", failed).once("listening", done));
      server.listen(absolute);
      process.umask(mask);
      await listening;
      return { server, path };
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}
