// @ts-check
import { statSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * The operating-system user that Postgres runs as, where it is not our own: Postgres refuses to run as root.
 *
 * @typedef {{ uid: number, gid: number }} User
 */

const nobody = 65534;

/**
 * Whom to become for Postgres in this place; undefined where we are not root and simply stay who we are. Data that a
 * person made before calling us through sudo keeps its owner, so that the person can go on using it.
 *
 * @param {string} place
 * @returns {User | undefined}
 */
export function postgresUser(place) {
  if (process.getuid?.() !== 0) return undefined;
  const data = statSync(join(place, "data"), { throwIfNoEntry: false });
  return data && data.uid !== 0 ? { uid: data.uid, gid: data.gid } : { uid: nobody, gid: nobody };
}

/**
 * Whether the mode bits let a user do this (4 read, 1 execute or search).
 *
 * @param {string} path
 * @param {number} bits
 * @param {User} user
 */
export function may(path, bits, user) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return false;
  const shift = stat.uid === user.uid ? 6 : stat.gid === user.gid ? 3 : 0;
  return ((stat.mode >> shift) & bits) === bits;
}

/**
 * Whether a user can walk to this folder: it needs the search bit on every folder of the path.
 *
 * @param {string} folder absolute, without symbolic links
 * @param {User} user
 * @returns {boolean}
 */
export function reachable(folder, user) {
  return may(folder, 1, user) && (dirname(folder) === folder || reachable(dirname(folder), user));
}
