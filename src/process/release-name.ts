import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import type { Contract } from "../contract/contract.ts";
import type { Release } from "../engine/registry.ts";

/**
 * The release that this program is: the name it was given, else `TASKMASTER_RELEASE`, else the git commit of the folder it runs in,
 * else a hash of its contracts.
 */
export async function findRelease(explicit: string | undefined, contracts: readonly Contract[]): Promise<Release> {
  const given = explicit ?? process.env.TASKMASTER_RELEASE;
  if (given !== undefined && given !== "") return { name: given, source: "explicit" };
  const commit = await gitCommit();
  if (commit !== undefined) return { name: commit, source: "git" };
  return { name: `contracts-${hashOf(contracts)}`, source: "contracts" };
}

function gitCommit(): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile("git", ["rev-parse", "--short=12", "HEAD"], { timeout: 2_000 }, (error, stdout) => {
      const commit = stdout.trim();
      resolve(error === null && /^[0-9a-f]{7,40}$/.test(commit) ? commit : undefined);
    });
  });
}

function hashOf(contracts: readonly Contract[]): string {
  const parts = contracts
    .map(({ name, revisions }) => [name, revisions.map((revision) => [revision.number, revision.jsonSchema()])])
    .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 12);
}
