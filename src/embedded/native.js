// @ts-check
import { randomBytes } from "node:crypto";
import {
  accessSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { cp } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { may, reachable } from "./user.js";

/**
 * The installed binaries in a state in which this user can run them: as npm put them where that is enough, mended in
 * place where they can be written, and otherwise as a copy in the place. What may be wrong: the links between library
 * names are made by an install script, which npm may have been told not to run; a copied node_modules may have lost
 * its execute bits; and root's node_modules may be closed to the user that Postgres runs as.
 *
 * Postgres finds `share/postgresql` and `lib` beside its `bin`, so they are only ever moved together.
 *
 * Copying them can take its time: a supervisor has members to answer meanwhile.
 *
 * @param {{ native: string, version: string, place: string, user: import("./user.js").User | undefined, say: (line: string) => void }} context
 * @returns {Promise<string>} the folder that holds `bin`
 */
export async function usableBinaries({ native, version, place, user, say }) {
  if (process.platform === "win32") return native;
  mend(native, user);
  if (usable(native, user)) return native;
  const copy = join(place, `postgres-${version}`);
  if (usable(copy, user)) return copy;
  say(`Copying the Postgres binaries to ${copy}, because ${native} cannot be used as it is.`);
  const partial = `${copy}.${randomBytes(4).toString("hex")}.partial`;
  mkdirSync(partial);
  for (const part of ["bin", "lib", "share", "pg-symlinks.json"].filter((name) => existsSync(join(native, name)))) {
    await cp(join(native, part), join(partial, part), { recursive: true, verbatimSymlinks: true });
  }
  open(partial);
  mend(partial, user);
  rmSync(copy, { recursive: true, force: true });
  renameSync(partial, copy);
  return copy;
}

const programs = ["bin/initdb", "bin/postgres"];

/**
 * The library names that have to exist, each with the file that it stands for.
 *
 * @param {string} native
 * @returns {{ source: string, target: string }[]}
 */
function links(native) {
  const list = join(native, "pg-symlinks.json");
  if (!existsSync(list)) return [];
  /** @type {{ source: string, target: string }[]} */
  const entries = JSON.parse(readFileSync(list, "utf8"));
  // They are written as seen from the package, one folder above.
  const inside = (/** @type {string} */ path) => join(native, path.replace(/^native\//, ""));
  return entries.map(({ source, target }) => ({ source: inside(source), target: inside(target) }));
}

/**
 * @param {string} native
 * @param {import("./user.js").User | undefined} user
 */
function mend(native, user) {
  try {
    for (const program of programs.map((name) => join(native, name)).filter((file) => !can(file, 5, user))) {
      chmodSync(program, 0o755);
    }
    for (const { source, target } of links(native).filter((link) => !existsSync(link.target))) {
      rmSync(target, { force: true });
      symlinkSync(relative(dirname(target), source), target);
    }
  } catch {
    // Not ours to write, or another process mends it at the same moment: what counts is whether it is usable.
  }
}

/**
 * @param {string} native
 * @param {import("./user.js").User | undefined} user
 */
function usable(native, user) {
  const read = [...links(native).map(({ target }) => target), join(native, "share/postgresql/postgres.bki")];
  const folders = ["bin", "lib", "share/postgresql"].map((name) => join(native, name));
  return (
    programs.every((name) => can(join(native, name), 5, user)) &&
    read.every((file) => can(file, 4, user)) &&
    (!user || folders.every((folder) => reachable(folder, user)))
  );
}

/**
 * @param {string} file
 * @param {number} bits 4 read, 1 execute
 * @param {import("./user.js").User | undefined} user
 */
function can(file, bits, user) {
  if (user) return may(file, bits, user);
  try {
    accessSync(file, bits);
    return true;
  } catch {
    return false;
  }
}

/**
 * Lets every user read a copy, whatever our umask and the original's modes were: binaries are no secret.
 *
 * @param {string} folder
 */
function open(folder) {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) open(path);
    else if (entry.isFile()) chmodSync(path, folder.endsWith("/bin") ? 0o755 : 0o644);
  }
}
