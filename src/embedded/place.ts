import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { EmbeddedFolderError } from "./error.ts";
import { postgresUser, reachable } from "./user.js";

/**
 * Where the data of a folder really lives: in the folder, or, where we are root and the user that Postgres runs as
 * cannot walk to it (a project under /root), in a place of its own that the folder's link `elsewhere` points to.
 *
 * Everything that guards the data lives beside it, in the place: a folder that is reached by two names, or copied
 * together with its link, still has one supervisor.
 */
export function placeOf(folder: string, say: (line: string) => void): string {
  mkdirSync(folder, { recursive: true });
  accessSync(folder, constants.W_OK | constants.X_OK);
  const home = realpathSync(folder);
  const user = postgresUser(home);
  // A temporary folder is made for its owner alone; while it is empty, it is ours to let Postgres pass through.
  if (user && readdirSync(home).length === 0) chmodSync(home, statSync(home).mode | 0o111);
  const ignore = join(home, ".gitignore");
  if (!existsSync(ignore)) writeFileSync(ignore, "*\n");

  if (!user || reachable(home, user)) return home;
  if (existsSync(join(home, "data"))) {
    const advice = "Open the folders above it (chmod +x), or set DATABASE_URL to a Postgres of your own.";
    throw new EmbeddedFolderError(
      `${home} has data, and uid ${user.uid}, as which Postgres runs, cannot reach it. ${advice}`,
      home,
    );
  }
  const link = join(home, "elsewhere");
  const linked = targetOf(link);
  if (linked) return linked;

  const made = makePlace(nameOf(home), user);
  try {
    symlinkSync(made, link);
    say(`${home} is closed to the user that Postgres runs as: its data is kept in ${made}.`);
    return made;
  } catch (error) {
    // Another process was faster: its place is the one.
    const theirs = targetOf(link);
    if (!theirs) throw error;
    rmdirSync(made);
    return theirs;
  }
}

function targetOf(link: string): string | undefined {
  try {
    const target = readlinkSync(link);
    // A temporary folder may have been swept since: the link keeps its meaning, with a fresh database behind it.
    if (mkdirSync(target, { recursive: true })) chmodSync(target, 0o755);
    return realpathSync(target);
  } catch {
    return undefined;
  }
}

/** What a person would call the project. */
function nameOf(home: string): string {
  return (basename(home) === ".taskmaster" ? basename(dirname(home)) : basename(home)) || "root";
}

function makePlace(name: string, user: { uid: number; gid: number }): string {
  const failures: unknown[] = [];
  for (const prefix of [`/var/lib/taskmaster/${name}-`, join(tmpdir(), `taskmaster-${name}-`)]) {
    try {
      if (mkdirSync(dirname(prefix), { recursive: true })) chmodSync(dirname(prefix), 0o755);
      const base = realpathSync(dirname(prefix));
      if (!reachable(base, user)) throw new Error(`uid ${user.uid} cannot reach ${base}`);
      const made = mkdtempSync(join(base, basename(prefix)));
      chmodSync(made, 0o755);
      return made;
    } catch (error) {
      failures.push(error);
    }
  }
  throw failures[0];
}
