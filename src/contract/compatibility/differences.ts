import { arrayDifferences } from "./array-differences.ts";
import { type Budget, BudgetSpent, spend } from "./budget.ts";
import { sameJson } from "./json.ts";
import type { Node } from "./node.ts";
import { objectDifferences } from "./object-differences.ts";
import { type Kind, kindOf, type Outcome, type Outcomes, outcomeOf, outcomesOf } from "./outcome.ts";
import { type Family, ruleOf } from "./rule.ts";
import type { RuleId } from "./rules.ts";
import { Sameness } from "./sameness.ts";
import { scalarDifferences } from "./scalar-differences.ts";
import { type Shape, shapeOf } from "./shape.ts";

/**
 * What differs between two schemas, place by place. The schemas are laid side by side as a person would; what each
 * difference means is asked of the proof, on schemas that say nothing else.
 */

export interface RawDifference extends Outcomes {
  readonly rule: RuleId;
  readonly path: string;
  readonly kind: Kind;
  readonly older?: unknown;
  readonly newer?: unknown;
}

/** Where the walk stands, and what it has found. */
export interface Walk {
  readonly budget: Budget;
  readonly found: RawDifference[];
  /** Compares what stands at a place below. */
  below(older: Node, newer: Node, path: string): void;
  /** Keeps a difference of one family, if anything follows from it. */
  family(family: Family<RuleId>, path: string, older: Node, newer: Node, shown?: Shown): void;
  keep(difference: RawDifference): void;
}

export interface Shown {
  readonly older?: unknown;
  readonly newer?: unknown;
}

const maxFound = 200;
const maxDepth = 30;

export function findDifferences(older: Node, newer: Node, budget: Budget): readonly RawDifference[] {
  const seen = new Set<string>();
  const same = new Sameness();
  let depth = 0;
  const walk: Walk = {
    budget,
    found: [],
    below(one, other, path) {
      if (same.holds(one, other)) return;
      const key = `${one.id},${other.id}`;
      if (seen.has(key) || depth >= maxDepth) return;
      seen.add(key);
      depth++;
      spend(budget, 20);
      compare(walk, shapeOf(one), shapeOf(other), path);
      depth--;
    },
    family(family, path, one, other, shown = {}) {
      const outcomes = outcomesOf(one, other, budget);
      const kind = kindOf(outcomes);
      if (kind !== undefined) this.keep({ rule: ruleOf(family, kind), path, kind, ...outcomes, ...shown });
    },
    keep(difference) {
      if (this.found.length < maxFound) this.found.push(difference);
    },
  };
  try {
    walk.below(older, newer, "");
  } catch (error) {
    // What was found so far is true; that it is not all shows in the verdicts.
    if (!(error instanceof BudgetSpent || error instanceof RangeError)) throw error;
  }
  return walk.found;
}

function compare(walk: Walk, older: Shape, newer: Shape, path: string): void {
  // One schema and a union are compared as variants: the one is, or is not, among the others.
  if (older.variants.length > 0 === newer.variants.length > 0) {
    const before = walk.found.length;
    scalarDifferences(walk, older, newer, path);
    // Where the type was replaced, nothing below compares.
    if (walk.found.slice(before).some(({ rule }) => rule === "type-replaced")) return;
    objectDifferences(walk, older, newer, path);
    arrayDifferences(walk, older, newer, path);
  }
  variantDifferences(walk, older, newer, path);
  logicDifferences(walk, older, newer, path);
  fallbackDifferences(walk, older, newer, path);
}

function variantDifferences(walk: Walk, older: Shape, newer: Shape, path: string): void {
  if (older.variants.length === 0 && newer.variants.length === 0) return;
  const before = variantsOf(older);
  const after = [...variantsOf(newer)];
  const removed: Node[] = [];
  for (const variant of before) {
    const match = after.findIndex((other) => isSameVariant(variant, other));
    const [found] = match < 0 ? [] : after.splice(match, 1);
    if (found === undefined) removed.push(variant);
    else walk.below(variant, found, path);
  }
  // Where a variant was changed beyond recognition, the one in its place is its successor.
  const [gone, come] = [removed[0], after[0]];
  if (removed.length === 1 && after.length === 1 && gone !== undefined && come !== undefined && !isTagged(gone, come)) {
    walk.below(gone, come, path);
    return;
  }
  for (const variant of removed) keepVariant(walk, "variant-removed", path, variant, newer.node);
  for (const variant of after) keepVariant(walk, "variant-added", path, variant, older.node);
}

function variantsOf(shape: Shape): readonly Node[] {
  return shape.variants.length > 0 ? shape.variants : [shape.node];
}

function keepVariant(
  walk: Walk,
  rule: "variant-removed" | "variant-added",
  path: string,
  variant: Node,
  other: Node,
): void {
  const outcome = outcomeOf(variant, other, walk.budget);
  if (outcome === "ok") return;
  const removed = rule === "variant-removed";
  walk.keep({
    rule,
    path,
    kind: outcome === "unknown" ? "undecided" : removed ? "removed" : "added",
    backward: removed ? outcome : "ok",
    forward: removed ? "ok" : outcome,
    ...(removed ? { older: variant.schema } : { newer: variant.schema }),
  });
}

function isSameVariant(one: Node, other: Node): boolean {
  const [a, b] = [shapeOf(one), shapeOf(other)];
  const tags = tagsOf(a);
  const otherTags = tagsOf(b);
  if (tags.size > 0 || otherTags.size > 0)
    return (
      tags.size > 0 && [...tags].every(([key, value]) => otherTags.has(key) && sameJson(value, otherTags.get(key)))
    );
  if (a.values !== undefined || b.values !== undefined) return sameJson(a.values, b.values);
  return [...a.types].some((type) => b.types.has(type)) && a.types.size === b.types.size;
}

function isTagged(one: Node, other: Node): boolean {
  return tagsOf(shapeOf(one)).size > 0 && tagsOf(shapeOf(other)).size > 0;
}

/** Required properties with a single value: what tells the variants apart. */
function tagsOf({ object }: Shape): ReadonlyMap<string, unknown> {
  const tags = new Map<string, unknown>();
  for (const key of object?.required ?? []) {
    const node = object?.properties.get(key);
    const values = node === undefined ? undefined : shapeOf(node).values;
    if (values?.length === 1) tags.set(key, values[0]);
  }
  return tags;
}

const conditions: Family<RuleId> = {
  narrowed: "condition-narrowed",
  widened: "condition-widened",
  replaced: "condition-changed",
};

function logicDifferences(walk: Walk, older: Shape, newer: Shape, path: string): void {
  const keywords = [older.opaque, newer.opaque].map((opaque) =>
    [...opaque].sort((one, other) => one.keyword.localeCompare(other.keyword)),
  );
  if (!sameJson(keywords[0], keywords[1]) || keywords.flat().some(({ value }) => typeof value === "symbol"))
    walk.keep({
      rule: "unknown-keyword",
      path,
      kind: "undecided",
      backward: "unknown",
      forward: "unknown",
      older: older.opaque.map(({ keyword }) => keyword),
      newer: newer.opaque.map(({ keyword }) => keyword),
    });
  if (older.logic.length > 0 || newer.logic.length > 0) walk.family(conditions, path, older.node, newer.node);
}

function fallbackDifferences(walk: Walk, older: Shape, newer: Shape, path: string): void {
  if (sameJson(older.fallback, newer.fallback)) return;
  const rule =
    older.fallback === undefined
      ? "default-added"
      : newer.fallback === undefined
        ? "default-removed"
        : "default-changed";
  const outcome: Outcome = "change";
  walk.keep({
    rule,
    path,
    kind: rule === "default-added" ? "added" : rule === "default-removed" ? "removed" : "changed",
    backward: outcome,
    forward: outcome,
    ...(older.fallback !== undefined && { older: older.fallback.value }),
    ...(newer.fallback !== undefined && { newer: newer.fallback.value }),
  });
}
