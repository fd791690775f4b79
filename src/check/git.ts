import { execFileSync } from "node:child_process";
import { TaskmasterError } from "../contract/error.ts";
import { emptyLockfile, type Lockfile, lockfileName, parseLockfile } from "./lockfile.ts";

/** Thrown where git cannot say what a revision holds. */
export class GitError extends TaskmasterError {
  readonly code = "TASKMASTER_GIT";
}

export interface Base {
  readonly lockfile: Lockfile;
  /** Whether the revision has a lockfile at all: one from before there was any has none. */
  readonly present: boolean;
}

/**
 * The lockfile of a folder as a git revision has it.
 *
 * @throws {GitError} where there is no git, no repository or no such revision
 * @throws {LockfileError}
 */
export function lockfileAt(revision: string, folder: string): Base {
  if (revision.startsWith("-")) throw new GitError(`--base ${revision} is no revision of git.`);
  git(folder, revision, ["rev-parse", "--verify", "--quiet", `${revision}^{commit}`]);
  const listed = git(folder, revision, ["ls-tree", "--name-only", revision, `./${lockfileName}`]);
  if (listed.trim() === "") return { lockfile: emptyLockfile, present: false };
  const text = git(folder, revision, ["show", `${revision}:./${lockfileName}`]);
  return { lockfile: parseLockfile(text, `${lockfileName} of ${revision}`), present: true };
}

function git(folder: string, revision: string, args: readonly string[]): string {
  try {
    return execFileSync("git", args, {
      cwd: folder,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      maxBuffer: 1 << 30,
    });
  } catch (error) {
    const { code, stderr = "" } = error as { readonly code?: string; readonly stderr?: string };
    if (code === "ENOENT") throw new GitError("--base needs git, and there is none here.", { cause: error });
    const shallow = "In CI, fetch it first: git fetch --depth=1 origin main (with actions/checkout: fetch-depth: 0).";
    throw new GitError(
      stderr.includes("not a git repository")
        ? "--base needs a git repository, and this folder is in none."
        : `git knows no revision ${revision} here${stderr.trim() === "" ? "" : ` (${stderr.trim()})`}. ${shallow}`,
      { cause: error },
    );
  }
}
