import { difference } from "./difference.ts";
import { type ProofParts, type RunResult, runOnce } from "./proof.ts";
import { suspectsBetween } from "./suspects.ts";
import type { Kill } from "./tracked-run.ts";
import { UnstableTaskError } from "./unsafe-task.ts";

/** Two undisturbed runs have left different snapshots: an error that names the line from which on they differ, as far as that can be told. */
export async function unstableSnapshot(
  parts: ProofParts,
  one: RunResult,
  other: RunResult,
): Promise<UnstableTaskError> {
  const where = await firstLine(parts, one);
  return new UnstableTaskError(
    `Two undisturbed runs of ${parts.task.name} leave different snapshots${where && `, from ${where} on`}. ` +
      `Let reset make the world as it was before each run; and let what is random or a time come from a step, or leave it out of the snapshot.\n${difference(one.world, other.world)}`,
    where,
  );
}

/** The first effect around which the snapshots of two runs come to differ. */
async function firstLine(parts: ProofParts, { effects }: RunResult): Promise<string> {
  const world = async (kill: Kill) => {
    let snapshot: unknown;
    await runOnce(parts, kill, async () => {
      snapshot = structuredClone(await parts.snapshot()); // it may be what the run goes on to change
    });
    return snapshot;
  };
  for (const [at, effect] of effects.entries())
    for (const when of ["before", "after"] as const) {
      const kill = { key: effect.key, when };
      if (difference(await world(kill), await world(kill)) === "") continue;
      if (when === "after") return effect.where;
      const before = effects[at - 1];
      if (before === undefined) return ""; // it is not the task's doing
      return suspectsBetween(before, effect)[0]?.where ?? before.where;
    }
  return "";
}
