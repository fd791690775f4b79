import { type Branch, type Conjunction, conjunction, type Item, item } from "./branch.ts";
import { objectNode } from "./constraints.ts";
import { declaredBy } from "./declared.ts";
import { evaluate } from "./evaluate.ts";
import { matches } from "./match.ts";
import { Node, type ObjectPart } from "./node.ts";
import {
  closes,
  hasOnlyNamedKeys,
  isClosed,
  namedKeys,
  propertyCount,
  requiredKeys,
  softKeys,
  unevaluatedItems,
  valueAt,
  withOthers,
} from "./places.ts";
import { bothProven, nothingSeen, type Proof, type Prover, proven, provenIf, type Seen, unproven } from "./proof.ts";
import { keysOf, sample, sampleBranch } from "./sample.ts";

/** Whether the objects of a branch satisfy one demand. */
export function coversObject(prover: Prover, branch: Branch, part: ObjectPart): Proof {
  let proof: Proof = provenIf(
    coversCount(branch, part) && coversRequired(branch, part) && coversDependentRequired(prover, branch, part),
  );
  for (const [key, node] of part.properties) {
    if (!proof.holds && !prover.explains) return unproven;
    proof = bothProven(proof, propertyProof(prover, branch, key, node));
  }
  if (part.patterns.length > 0 || part.additional !== undefined)
    proof = bothProven(proof, othersProof(prover, branch, part));
  if (part.names !== undefined) proof = bothProven(proof, namesProof(prover, branch, part.names));
  for (const [key, node] of part.dependentSchemas)
    for (const narrowed of prover.narrowed(branch, objectNode({ required: [key] }, ["object"])))
      proof = bothProven(proof, { ...prover.covers(narrowed, node), seen: { ...nothingSeen, vague: true } });
  return bothProven(proof, { ...proven, seen: seenBy(branch, part) });
}

function coversCount(branch: Branch, { minProperties = 0, maxProperties }: ObjectPart): boolean {
  if (minProperties === 0 && maxProperties === undefined) return true;
  const [min, max] = propertyCount(branch);
  return min >= minProperties && max <= (maxProperties ?? Number.POSITIVE_INFINITY);
}

function seenBy(branch: Branch, part: ObjectPart): Seen {
  const matched =
    part.patterns.length === 0
      ? []
      : namedKeys(branch).filter((key) => part.patterns.some(({ source }) => matches(source, key) === "yes"));
  return {
    ...nothingSeen,
    all: part.additional !== undefined,
    keys: new Set([...part.properties.keys(), ...matched]),
    patterns: new Set(part.patterns.map(({ source }) => source)),
    declares: part.declares,
  };
}

function coversRequired(branch: Branch, { required, soft }: ObjectPart): boolean {
  if (required.length === 0) return true;
  const present = requiredKeys(branch);
  const perhaps = softKeys(branch);
  return required.every((key) => present.has(key) || (soft.includes(key) && perhaps.has(key)));
}

function coversDependentRequired(prover: Prover, branch: Branch, { dependentRequired }: ObjectPart): boolean {
  return [...dependentRequired].every(([key, needed]) =>
    prover
      .narrowed(branch, objectNode({ required: [key] }, ["object"]))
      .every((narrowed) => needed.every((other) => requiredKeys(narrowed).has(other))),
  );
}

/** The value at one key, where it can stand there. */
function propertyProof(prover: Prover, branch: Branch, key: string, reader: Node): Proof {
  const at = valueAt(branch, key);
  return at === undefined ? proven : valueProof(prover, branch, at, reader, key, stepTo(key));
}

export function stepTo(key: string): string {
  return `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

function valueProof(
  prover: Prover,
  branch: Branch,
  at: Conjunction,
  reader: Node,
  key: string | undefined,
  step: string,
): Proof {
  const proof = prover.subset(at, reader);
  if (proof.holds) return { ...proven, drops: proof.drops.map((path) => step + path) };
  if (prover.isEmpty(at)) return proven;
  const counters =
    key === undefined
      ? []
      : proof.counters.flatMap(({ value, path }) =>
          sampleBranch(branch, prover.budget, 1, new Map([[key, value]]))
            .slice(0, 1)
            .map((object) => ({ value: object, path: step + path })),
        );
  return { holds: false, seen: nothingSeen, drops: [], counters };
}

/** Keys that no schema names, those together that the same patterns match. */
interface KeyClass {
  readonly matched: ReadonlySet<string>;
  readonly keys: Conjunction;
  readonly at: Conjunction;
}

const maxPatterns = 5;

/** Undefined where there are too many kinds to go through. */
function unnamedKeys(prover: Prover, branch: Branch, others: readonly string[]): readonly KeyClass[] | undefined {
  if (hasOnlyNamedKeys(branch)) return [];
  const known = branch.objects.flatMap(({ part }) => part.patterns.map(({ source }) => source));
  const byOthers = [...branch.siblings, ...branch.asides].flatMap((node) =>
    declaredBy(node).patterns.map(({ source }) => source),
  );
  const sources = [...new Set([...known, ...others, ...byOthers])];
  if (sources.length > maxPatterns) return;
  const named = namedKeys(branch);
  const writers = new Set([
    ...branch.objects.flatMap(({ part, role }) => (role === "writer" ? part.patterns.map(({ source }) => source) : [])),
    ...byOthers,
  ]);
  const classes: KeyClass[] = [];
  for (let mask = 0; mask < 2 ** sources.length; mask++) {
    const matched = new Set(sources.filter((_, index) => (mask >> index) % 2 === 1));
    if (isClosed(branch) && ![...matched].some((source) => writers.has(source))) continue;
    const at = valueOfClass(branch, matched);
    if (at === undefined) continue;
    const conditions = sources.map((source) =>
      Node.of({ string: matched.has(source) ? { pattern: source } : { notPattern: source } }),
    );
    const keys = keysOf(branch, named, conditions);
    if (
      sources.length + branch.objects.filter(({ part }) => part.names !== undefined).length > 0 &&
      prover.isEmpty(keys)
    )
      continue;
    classes.push({ matched, keys, at });
  }
  return classes;
}

function valueOfClass(branch: Branch, matched: ReadonlySet<string>): Conjunction | undefined {
  const items = branch.objects.flatMap(({ part, role }): Item[] => {
    const below = role === "writer" ? "writer" : "condition";
    const applying = part.patterns.filter(({ source }) => matched.has(source)).map(({ node }) => item(node, below));
    return applying.length > 0 || part.additional === undefined ? applying : [item(part.additional, below)];
  });
  const declaring = (node: Node) => {
    const { patterns, others } = declaredBy(node);
    return [...patterns.flatMap(({ source, node }) => (matched.has(source) ? [node] : [])), ...others];
  };
  const all = items.length === 0 ? unevaluatedItems(branch, "objects") : items;
  if (all.some(({ node }) => node.parts.never === true)) return;
  return conjunction(withOthers(branch, all, declaring, closes));
}

/** `patternProperties` and `additionalProperties`. */
function othersProof(prover: Prover, branch: Branch, part: ObjectPart): Proof {
  let proof = proven;
  for (const key of namedKeys(branch)) {
    let matched = part.properties.has(key);
    let certainly = matched;
    for (const { source, node } of part.patterns) {
      const applies = matches(source, key);
      if (applies === "no") continue;
      matched = true;
      certainly ||= applies === "yes";
      proof = bothProven(proof, propertyProof(prover, branch, key, node));
    }
    if (!(matched && certainly) && part.additional !== undefined)
      proof = bothProven(proof, propertyProof(prover, branch, key, part.additional));
  }
  const trivial = part.patterns.length === 0 && part.additional !== undefined && isTrivial(part.additional);
  if (trivial) return proof;
  const classes = unnamedKeys(
    prover,
    branch,
    part.patterns.map(({ source }) => source),
  );
  if (classes === undefined) return bothProven(proof, unproven);
  for (const { matched, keys, at } of classes) {
    const applying = part.patterns.filter(({ source }) => matched.has(source)).map(({ node }) => node);
    const readers = applying.length > 0 || part.additional === undefined ? applying : [part.additional];
    for (const reader of readers.filter((node) => !isTrivial(node))) {
      // A key that the reader names is looked at by itself.
      const key = prover.explains ? sample(keys, prover.budget, 2).find((text) => isFreeKey(part, text)) : undefined;
      proof = bothProven(
        proof,
        valueProof(prover, branch, at, reader, typeof key === "string" ? key : undefined, "/*"),
      );
    }
  }
  return proof;
}

function isFreeKey(part: ObjectPart, key: unknown): boolean {
  return typeof key === "string" && !part.properties.has(key);
}

function isTrivial(node: Node): boolean {
  return Object.keys(node.parts).length === 0;
}

function namesProof(prover: Prover, branch: Branch, names: Node): Proof {
  const { budget } = prover;
  for (const key of namedKeys(branch)) {
    if (evaluate(names, key, budget) === "yes") continue;
    const at = valueAt(branch, key);
    const isRefused = branch.objects.some(
      ({ part }) => part.names !== undefined && evaluate(part.names, key, budget) === "no",
    );
    if (at !== undefined && !isRefused && !prover.isEmpty(at)) return namesCounter(prover, branch, key);
  }
  const classes = unnamedKeys(prover, branch, []);
  if (classes === undefined) return unproven;
  for (const { keys } of classes) {
    const proof = prover.subset(keys, names);
    if (proof.holds) continue;
    const [counter] = proof.counters;
    return counter === undefined ? unproven : namesCounter(prover, branch, String(counter.value));
  }
  return proven;
}

function namesCounter(prover: Prover, branch: Branch, key: string): Proof {
  if (!prover.explains) return unproven;
  const at = valueAt(branch, key);
  const [value] = at === undefined ? [] : sample(at, prover.budget, 2);
  const objects = value === undefined ? [] : sampleBranch(branch, prover.budget, 1, new Map([[key, value]]));
  return { ...unproven, counters: objects.slice(0, 1).map((object) => ({ value: object, path: "" })) };
}

/** Whether the properties that nothing else looks at satisfy `unevaluatedProperties`. */
export function coversUnevaluatedProperties(prover: Prover, branch: Branch, reader: Node, seen: Seen): Proof {
  if (seen.all || isTrivial(reader)) return proven;
  let proof = proven;
  for (const key of namedKeys(branch))
    if (!seen.keys.has(key)) proof = bothProven(proof, propertyProof(prover, branch, key, reader));
  const classes = unnamedKeys(prover, branch, [...seen.patterns]);
  if (classes === undefined) return unproven;
  for (const { matched, keys, at } of classes) {
    if ([...matched].some((source) => seen.patterns.has(source))) continue;
    const key = prover.explains ? sample(keys, prover.budget, 2)[0] : undefined;
    proof = bothProven(proof, valueProof(prover, branch, at, reader, typeof key === "string" ? key : undefined, "/*"));
  }
  return proof;
}
