import { type Branch, type Conjunction, conjunction, item } from "./branch.ts";
import { constraintsOf, notNode } from "./constraints.ts";
import { Node, type Parts } from "./node.ts";
import {
  bothProven,
  type Counter,
  nothingSeen,
  type Proof,
  type Prover,
  proven,
  type Seen,
  unproven,
} from "./proof.ts";
import { sample, sampleBranch, sampleWith } from "./sample.ts";

/** Whether a branch satisfies what a reader says with `anyOf`, `oneOf`, `not` and `if`. */

const somethingSeen: Seen = { ...nothingSeen, vague: true };

/** So many members are split off before the union is given up. */
const maxSplits = 24;

export function coversAny(prover: Prover, branch: Branch, members: readonly Node[]): Proof {
  const live = members.filter((member) => !prover.isDisjoint(branch, member));
  const [only] = live;
  if (live.length === 1 && only !== undefined) return prover.covers(branch, only);
  return prover.quickly(() => coversOneAlone(prover, branch, live) ?? coversSplit(prover, branch, live, maxSplits))
    .holds
    ? prover.quickly(() => coversOneAlone(prover, branch, live) ?? { ...proven, seen: somethingSeen })
    : { ...unproven, counters: prover.explains ? countersOf(prover, branch, live) : [] };
}

function coversOneAlone(prover: Prover, branch: Branch, members: readonly Node[]): Proof | undefined {
  for (const member of members) {
    const proof = prover.covers(branch, member);
    if (proof.holds) return proof;
  }
  return;
}

/** What one member refuses must be taken by the others: each way of being refused is a narrower branch. */
function coversSplit(prover: Prover, branch: Branch, members: readonly Node[], splits: number): Proof {
  const [pivot, ...others] = members;
  if (pivot === undefined || splits === 0) return unproven;
  const holds = constraintsOf(pivot).every(({ node, opposite }) => {
    if (prover.covers(branch, node).holds) return true;
    if (others.length === 0) return false;
    return prover.narrowed(branch, opposite).every((narrower) => {
      const live = others.filter((member) => !prover.isDisjoint(narrower, member));
      if (coversOneAlone(prover, narrower, live) !== undefined) return true;
      return live.length > 0 && coversSplit(prover, narrower, live, splits - 1).holds;
    });
  });
  return holds ? { ...proven, seen: somethingSeen } : unproven;
}

function countersOf(prover: Prover, branch: Branch, members: readonly Node[]): Proof["counters"] {
  const near: Counter[] = [];
  const union = Node.of({ anyOf: members });
  for (const member of members.slice(0, 6)) {
    const counters = prover.covers(branch, member).counters.slice(0, 4);
    if (prover.isEnough(branch, union, counters)) return counters;
    near.push(...counters);
  }
  const further = members.slice(0, 3).flatMap((member) =>
    constraintsOf(member)
      .slice(0, 12)
      .flatMap(({ opposite }) => sampleWith(branch, opposite, prover.budget).slice(0, 2)),
  );
  const plain = [...sampleBranch(branch, prover.budget), ...further].map((value) => ({ value, path: "" }));
  return [...near, ...plain];
}

/** Exactly one: at least one, and no two of those that can hold together hold at once. */
export function coversOne(prover: Prover, branch: Branch, members: readonly Node[]): Proof {
  const live = members.filter((member) => !prover.isDisjoint(branch, member));
  const union = Node.of({ oneOf: members });
  let proof = coversAny(prover, branch, live);
  for (const [index, one] of live.entries())
    for (const other of live.slice(index + 1)) {
      if (!proof.holds && (!prover.explains || prover.isEnough(branch, union, proof.counters))) return proof;
      const shared = conjunction([...branch.items, item(one, "condition"), item(other, "condition")]);
      if (!prover.isEmpty(shared)) proof = bothProven(proof, overlapping(prover, shared));
    }
  return proof;
}

function overlapping(prover: Prover, shared: Conjunction): Proof {
  if (!prover.explains) return unproven;
  const samples = sample(shared, prover.budget).slice(0, 4);
  return { ...unproven, counters: samples.map((value) => ({ value, path: "" })) };
}

export function coversNot(prover: Prover, branch: Branch, node: Node): Proof {
  if (branch.nots.includes(node) || prover.isDisjoint(branch, node)) return proven;
  if (!prover.explains) return unproven;
  const samples = sampleWith(branch, node, prover.budget).slice(0, 6);
  return { ...unproven, counters: samples.map((value) => ({ value, path: "" })) };
}

export function coversCondition(
  prover: Prover,
  branch: Branch,
  { asked, holding: then, failing: otherwise }: NonNullable<Parts["condition"]>,
): Proof {
  const holding = prover.quickly(() => prover.covers(branch, asked));
  const isNever = !holding.holds && prover.isDisjoint(branch, asked);
  if (holding.holds) return bothProven(holding, then === undefined ? proven : prover.covers(branch, then));
  if (isNever) return otherwise === undefined ? proven : prover.covers(branch, otherwise);
  let proof: Proof = { ...proven, seen: somethingSeen };
  for (const [condition, consequence] of [
    [asked, then],
    [notNode(asked), otherwise],
  ] as const)
    for (const narrowed of consequence === undefined ? [] : prover.narrowed(branch, condition)) {
      const { holds, drops, counters } = prover.covers(narrowed, consequence as Node);
      proof = bothProven(proof, { holds, drops, counters, seen: somethingSeen });
    }
  return proof;
}
