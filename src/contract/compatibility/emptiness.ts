import { type Branch, conjunction, item } from "./branch.ts";
import { evaluate } from "./evaluate.ts";
import { itemAt, itemCount, prefixLength, propertyCount, requiredKeys, valueAt } from "./places.ts";
import type { Prover } from "./proof.ts";
import { isEmptyText } from "./texts.ts";

/** Whether a branch has no value at all. False where it is not certain. */
export function isEmptyBranch(prover: Prover, branch: Branch): boolean {
  if (branch.values !== undefined && branch.values.length === 0) return true;
  // What is excluded covers the branch: this also takes the alternatives of a oneOf apart.
  if (branch.nots.some((node) => prover.covers(branch, node).holds)) return true;
  switch (branch.type) {
    case "string":
      return branch.values === undefined && isEmptyText(branch);
    case "array":
      return isEmptyArray(prover, branch);
    case "object":
      return isEmptyObject(prover, branch);
    default:
      return false;
  }
}

function isEmptyArray(prover: Prover, branch: Branch): boolean {
  const [min, max] = itemCount(branch);
  if (min > max) return true;
  for (let index = 0; index < Math.min(min, prefixLength(branch) + 1); index++)
    if (prover.isEmpty(itemAt(branch, index))) return true;
  return branch.arrays.some(({ part: { contains } }) => {
    if (contains === undefined || contains.min === 0) return false;
    return Array.from({ length: prefixLength(branch) + 1 }, (_, index) => index)
      .filter((index) => index < max)
      .every((index) =>
        prover.isEmpty(conjunction([...itemAt(branch, index).items, item(contains.node, "condition")])),
      );
  });
}

function isEmptyObject(prover: Prover, branch: Branch): boolean {
  const [min, max] = propertyCount(branch);
  if (min > max) return true;
  const names = branch.objects.flatMap(({ part }) => (part.names === undefined ? [] : [part.names]));
  for (const key of requiredKeys(branch)) {
    const at = valueAt(branch, key);
    if (at === undefined || prover.isEmpty(at)) return true;
    if (names.some((node) => evaluate(node, key, prover.budget) === "no")) return true;
  }
  return false;
}
