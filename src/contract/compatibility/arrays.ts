import { type Branch, type Conjunction, conjunction, item } from "./branch.ts";
import type { ArrayPart, Node } from "./node.ts";
import { itemAt, itemCount, prefixLength } from "./places.ts";
import { bothProven, nothingSeen, type Proof, type Prover, proven, provenIf } from "./proof.ts";
import { sampleBranch } from "./sample.ts";

/** Whether the arrays of a branch satisfy one demand. */
export function coversArray(prover: Prover, branch: Branch, part: ArrayPart): Proof {
  const [min, max] = itemCount(branch);
  let proof: Proof = provenIf(
    min >= (part.minItems ?? 0) &&
      max <= (part.maxItems ?? Number.POSITIVE_INFINITY) &&
      (part.unique !== true || max <= 1 || branch.arrays.some((known) => known.part.unique === true)),
  );
  for (const [index, node] of part.prefix.entries())
    if (index < max) proof = bothProven(proof, itemProof(prover, branch, index, node, `/${index}`));
  if (part.rest !== undefined)
    for (let index = part.prefix.length; index <= Math.max(part.prefix.length, prefixLength(branch)); index++)
      if (index < max) proof = bothProven(proof, itemProof(prover, branch, index, part.rest, "/*"));
  if (part.contains !== undefined) proof = bothProven(proof, provenIf(coversContains(prover, branch, part.contains)));
  const items = part.rest !== undefined ? Number.POSITIVE_INFINITY : part.prefix.length;
  return items === 0 ? proof : bothProven(proof, { ...proven, seen: { ...nothingSeen, items } });
}

function itemProof(prover: Prover, branch: Branch, index: number, reader: Node, step: string): Proof {
  const at = itemAt(branch, index);
  const proof = prover.subset(at, reader);
  if (proof.holds) return { ...proven, drops: proof.drops.map((path) => step + path) };
  if (isImpossible(prover, branch, index, at)) return proven;
  const counters = proof.counters.flatMap(({ value, path }) =>
    sampleBranch(branch, prover.budget, 1, new Map([[index, value]]))
      .slice(0, 1)
      .map((array) => ({ value: array, path: step + path })),
  );
  return { holds: false, seen: nothingSeen, drops: [], counters };
}

/** No array is so long where some item on the way, or this one, cannot be. */
function isImpossible(prover: Prover, branch: Branch, index: number, at: Conjunction): boolean {
  if (prover.isEmpty(at)) return true;
  for (let before = 0; before < Math.min(index, prefixLength(branch) + 1); before++)
    if (prover.isEmpty(itemAt(branch, before))) return true;
  return false;
}

function coversContains(prover: Prover, branch: Branch, wanted: NonNullable<ArrayPart["contains"]>): boolean {
  const { node, min, max = Number.POSITIVE_INFINITY } = wanted;
  const known = branch.arrays.flatMap(({ part }) => (part.contains === undefined ? [] : [part.contains]));
  const [least, most] = itemCount(branch);
  const isIn = (one: Node, other: Node) =>
    prover.quickly(() => prover.subset(conjunction([item(one, "condition")]), other).holds);
  const enough =
    min === 0 ||
    known.some((contained) => contained.min >= min && isIn(contained.node, node)) ||
    (least >= min && indices(branch, min).every((index) => fits(prover, branch, index, node)));
  if (!enough) return false;
  return (
    most <= max ||
    known.some((contained) => (contained.max ?? Number.POSITIVE_INFINITY) <= max && isIn(node, contained.node))
  );
}

function indices(branch: Branch, count: number): readonly number[] {
  return Array.from({ length: Math.min(count, prefixLength(branch) + 1) }, (_, index) => index);
}

function fits(prover: Prover, branch: Branch, index: number, node: Node): boolean {
  return prover.quickly(() => prover.subset(itemAt(branch, index), node).holds);
}

/** Whether the items that nothing else looks at satisfy `unevaluatedItems`. */
export function coversUnevaluatedItems(prover: Prover, branch: Branch, reader: Node, seen: number): Proof {
  const [, max] = itemCount(branch);
  let proof = proven;
  for (let index = seen; index <= Math.max(seen, prefixLength(branch)) && index < max; index++)
    proof = bothProven(proof, itemProof(prover, branch, index, reader, "/*"));
  return proof;
}
