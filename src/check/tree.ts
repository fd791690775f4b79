import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { GitError } from "./git.ts";

/** A revision's files beside the present ones, for as long as they are looked at. The repository and its working tree stay as they are. */

/** The full name of a revision, where git knows it here. */
export function revisionOf(name: string, folder: string): string | undefined {
  if (name.startsWith("-")) return undefined;
  try {
    return run(folder, ["rev-parse", "--verify", "--quiet", `${name}^{commit}`]).trim();
  } catch {
    return undefined;
  }
}

/**
 * Calls `use` with a folder that is what `folder` was at a revision. Installed packages are those of now; which versions it had, its lockfile says.
 *
 * @throws {GitError} where there is no repository or no such revision
 */
export async function withTreeAt<T>(revision: string, folder: string, use: (folder: string) => Promise<T>): Promise<T> {
  const commit = revisionOf(revision, folder);
  if (commit === undefined)
    throw new GitError(
      `git knows no revision ${revision} here. In CI, fetch it first (with actions/checkout: fetch-depth: 0).`,
    );
  const root = run(folder, ["rev-parse", "--show-toplevel"]).trim();
  const place = mkdtempSync(join(tmpdir(), "taskmaster-tree-"));
  try {
    const archive = execFileSync("git", ["archive", "--format=tar", commit], { cwd: root, maxBuffer: 1 << 30 });
    execFileSync("tar", ["-x", "-C", place], { input: archive });
    const inside = join(place, relative(root, folder));
    for (let at = folder; ; at = dirname(at)) {
      const modules = join(at, "node_modules");
      const link = join(place, relative(root, at), "node_modules");
      if (existsSync(modules) && existsSync(dirname(link)) && !existsSync(link)) symlinkSync(modules, link, "dir");
      if (at === root || dirname(at) === at) break;
    }
    return await use(existsSync(inside) ? inside : place);
  } finally {
    // the links first: what they lead to is somebody else's
    for (const name of readdirSync(place)) if (name === "node_modules") rmSync(join(place, name), { force: true });
    rmSync(place, { recursive: true, force: true });
  }
}

function run(folder: string, args: readonly string[]): string {
  return execFileSync("git", args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}
