import { type Branch, type Conjunction, conjunction, item } from "./branch.ts";
import { type Budget, remembered, spend } from "./budget.ts";
import { constraintsOf } from "./constraints.ts";
import { evaluate } from "./evaluate.ts";
import { expand } from "./expand.ts";
import { sameJson } from "./json.ts";
import { Node } from "./node.ts";
import { sampleNumbers } from "./numbers.ts";
import {
  itemAt,
  itemCount,
  namedKeys,
  prefixLength,
  propertyCount,
  requiredKeys,
  softKeys,
  valueAt,
} from "./places.ts";
import { sampleTexts } from "./texts.ts";

/** Payloads of a branch, few and telling. They are candidates: only an evaluator says whether one is what it seems. */

const maxDepth = 8;
const maxSamples = 12;

/** What a sample must hold at some key or index. */
export type Fixed = ReadonlyMap<string | number, unknown>;

const nothingFixed: Fixed = new Map();

export function sample(at: Conjunction, budget: Budget, depth = 0): readonly unknown[] {
  if (depth > maxDepth) return [];
  return remembered(budget, `samples ${depth} ${at.key}`, () => findSamples(at, budget, depth));
}

function findSamples(at: Conjunction, budget: Budget, depth: number): readonly unknown[] {
  spend(budget);
  const branches = [...expand(at, budget)];
  // Deep down the plain ones first: a recursive schema must come to an end.
  if (depth > 1) branches.sort((one, other) => weight(one) - weight(other));
  const samples: unknown[] = [];
  for (const branch of branches) {
    samples.push(...sampleBranch(branch, budget, depth).slice(0, depth === 0 ? maxSamples : 4));
    if (samples.length >= (depth === 0 ? 40 : 8)) break;
  }
  return samples;
}

function weight({ type }: Branch): number {
  return type === "object" ? 2 : type === "array" ? 1 : 0;
}

export function sampleBranch(branch: Branch, budget: Budget, depth = 0, fixed = nothingFixed): readonly unknown[] {
  const samples = candidates(branch, budget, depth, fixed);
  if (branch.nots.length === 0) return samples;
  return samples.filter((value) => branch.nots.every((not) => evaluate(not, value, budget) !== "yes"));
}

function candidates(branch: Branch, budget: Budget, depth: number, fixed: Fixed): readonly unknown[] {
  spend(budget);
  if (branch.values !== undefined && fixed.size === 0) return branch.values.slice(0, maxSamples);
  switch (branch.type) {
    case "number":
      return sampleNumbers(
        branch.numbers,
        branch.excluded.filter((value) => typeof value === "number"),
      ).filter((value) => !branch.excluded.includes(value));
    case "string":
      return sampleTexts(branch);
    case "array":
      return sampleArrays(branch, budget, depth, fixed);
    case "object":
      return sampleObjects(branch, budget, depth, fixed);
    default:
      return branch.values ?? [];
  }
}

/** A branch narrowed by one more demand. */
export function sampleWith(branch: Branch, condition: Node, budget: Budget): readonly unknown[] {
  return sample(conjunction([...branch.items, item(condition, "condition")]), budget);
}

function sampleArrays(branch: Branch, budget: Budget, depth: number, fixed: Fixed): readonly unknown[] {
  const [min, max] = itemCount(branch);
  const least = Math.max(min, ...[...fixed.keys()].map((index) => Number(index) + 1));
  const lengths = fixed.size > 0 ? [least] : [least, least + 1, Math.max(least, prefixLength(branch)), 2];
  return [...new Set(lengths)]
    .filter((length) => length >= least && length <= max && length <= 300)
    .flatMap((length) => {
      const made = arrayOf(branch, length, budget, depth, fixed);
      return made === undefined ? [] : [made];
    })
    .flatMap((made) => [made, ...withRepetition(branch, made)]);
}

function arrayOf(
  branch: Branch,
  length: number,
  budget: Budget,
  depth: number,
  fixed: Fixed,
): readonly unknown[] | undefined {
  const made: unknown[] = [];
  const unique = branch.arrays.some(({ part }) => part.unique === true);
  const wanted = branch.arrays.flatMap(({ part }) =>
    part.contains === undefined ? [] : Array<Node>(part.contains.min).fill(part.contains.node),
  );
  let previous: readonly unknown[] = [];
  let previousKey = "";
  for (let index = 0; index < length; index++) {
    if (fixed.has(index)) {
      made.push(fixed.get(index));
      continue;
    }
    const contained = index >= length - wanted.length ? wanted[length - 1 - index] : undefined;
    const at = itemAt(branch, index);
    const here = contained === undefined ? at : conjunction([...at.items, item(contained, "condition")]);
    if (here.key !== previousKey || index === 0) {
      previous = distinct(sample(here, budget, depth + 1));
      previousKey = here.key;
    }
    const fresh = unique ? previous.filter((value) => !made.some((other) => sameJson(other, value))) : previous;
    const [value] = fresh.length > 0 ? fresh : unique ? more(here, made, budget, depth) : [];
    if (value === undefined) return;
    made.push(value);
  }
  return made;
}

function distinct(values: readonly unknown[]): readonly unknown[] {
  return values.filter((value, index) => !values.slice(0, index).some((other) => sameJson(other, value)));
}

/** More values than a sample holds, by excluding those that are used. */
function more(at: Conjunction, used: readonly unknown[], budget: Budget, depth: number): readonly unknown[] {
  return sample(conjunction([...at.items, item(Node.of({ excluded: used }), "condition")]), budget, depth + 1);
}

/** The same item twice: what a reader that wants them unique refuses. */
function withRepetition(branch: Branch, made: readonly unknown[]): readonly (readonly unknown[])[] {
  const [, max] = itemCount(branch);
  if (made.length === 0 || branch.arrays.some(({ part }) => part.unique === true)) return [];
  if (made.length > 1) return [[made[0], made[0], ...made.slice(2)]];
  return made.length < max ? [[made[0], made[0]]] : [];
}

function sampleObjects(branch: Branch, budget: Budget, depth: number, fixed: Fixed): readonly unknown[] {
  const [least, most] = propertyCount(branch);
  const required = new Set([...requiredKeys(branch), ...softKeys(branch)]);
  const base: Record<string, unknown> = {};
  for (const key of required) {
    if (fixed.has(key)) continue;
    const at = valueAt(branch, key);
    const [value] = at === undefined ? [] : sample(at, budget, depth + 1);
    if (value === undefined) return [];
    put(base, key, value);
  }
  for (const [key, value] of fixed) put(base, String(key), value);
  if (fixed.size > 0 && Object.keys(base).length >= least) return Object.keys(base).length <= most ? [base] : [];
  const optional = namedKeys(branch).filter((key) => !Object.hasOwn(base, key) && valueAt(branch, key) !== undefined);
  const full: Record<string, unknown> = copyOf(base);
  const made: Record<string, unknown>[] = [];
  for (const key of optional) {
    const at = valueAt(branch, key);
    const values = at === undefined ? [] : sample(at, budget, depth + 2);
    if (values.length === 0) continue;
    if (Object.keys(full).length < most) put(full, key, values[0]);
    if (depth < 2 && fixed.size === 0) for (const value of values.slice(0, 2)) made.push(put(copyOf(base), key, value));
    if (depth > 2 && Object.keys(full).length >= least) break;
  }
  const filled = filledUp(branch, copyOf(full), least, budget, depth);
  const small = Object.keys(base).length >= least && Object.keys(base).length <= most ? [base] : [];
  return [...small, ...(filled === undefined ? [] : [filled]), ...withStranger(branch, base, budget, depth), ...made];
}

/** An object literal would lose `__proto__`. */
function put(object: Record<string, unknown>, key: string, value: unknown): Record<string, unknown> {
  Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
  return object;
}

function copyOf(object: Record<string, unknown>): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(object)) put(copy, key, object[key]);
  return copy;
}

function filledUp(
  branch: Branch,
  object: Record<string, unknown>,
  least: number,
  budget: Budget,
  depth: number,
): Record<string, unknown> | undefined {
  if (least > 300) return;
  for (let missing = least - Object.keys(object).length; missing > 0; missing--) {
    const [key, value] = stranger(branch, object, budget, depth) ?? [];
    if (key === undefined) return;
    put(object, key, value);
  }
  return object;
}

function withStranger(
  branch: Branch,
  base: Record<string, unknown>,
  budget: Budget,
  depth: number,
): readonly Record<string, unknown>[] {
  if (depth > 2) return [];
  const [key, value] = stranger(branch, base, budget, depth) ?? [];
  return key === undefined ? [] : [put(copyOf(base), key, value)];
}

/** A property that no schema names. */
function stranger(
  branch: Branch,
  taken: Record<string, unknown>,
  budget: Budget,
  depth: number,
): readonly [string, unknown] | undefined {
  const used = [...namedKeys(branch), ...Object.keys(taken)];
  // Where patterns allow a key, one of them names the likeliest.
  const [pattern] = branch.objects.flatMap(({ part }) => part.patterns);
  const likely = pattern === undefined ? [] : [Node.of({ string: { pattern: pattern.source } })];
  const keys = [
    ...sample(keysOf(branch, used, likely), budget, depth + 2),
    ...sample(keysOf(branch, used), budget, depth + 2),
  ];
  for (const key of keys) {
    if (typeof key !== "string" || used.includes(key)) continue;
    const at = valueAt(branch, key);
    const [value] = at === undefined ? [] : sample(at, budget, depth + 1);
    if (value !== undefined) return [key, value];
  }
  return;
}

const aString = Node.of({ types: new Set(["string"]) });

/** The keys that an object of the branch may have, apart from some. */
export function keysOf({ objects }: Branch, apart: readonly string[], conditions: readonly Node[] = []): Conjunction {
  const names = objects.flatMap(({ part }) => (part.names === undefined ? [] : [part.names]));
  return conjunction([
    item(aString, "condition"),
    ...names.map((node) => item(node, "condition")),
    ...conditions.map((node) => item(node, "condition")),
    ...(apart.length === 0 ? [] : [item(Node.of({ excluded: apart }), "condition")]),
  ]);
}

/** A few values of a branch for each way in which a schema can refuse one. */
export function sampleAgainst(branch: Branch, reader: Node, budget: Budget): readonly unknown[] {
  return constraintsOf(reader)
    .slice(0, 40)
    .flatMap(({ opposite }) => sampleWith(branch, opposite, budget).slice(0, 4));
}
