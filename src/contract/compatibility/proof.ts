import type { Branch, Conjunction } from "./branch.ts";
import type { Budget } from "./budget.ts";
import type { Constraint } from "./constraints.ts";
import type { Node } from "./node.ts";

/** What a reader's schema looks at in place: a lower bound, on which `unevaluatedProperties` can rely. */
export interface Seen {
  readonly all: boolean;
  readonly keys: ReadonlySet<string>;
  readonly patterns: ReadonlySet<string>;
  /** So many items from the first on. */
  readonly items: number;
  /** The reader names the properties it takes; what it does not name it drops. */
  readonly declares: boolean;
  /** More may be looked at than is said here. */
  readonly vague: boolean;
}

export const nothingSeen: Seen = {
  all: false,
  keys: new Set(),
  patterns: new Set(),
  items: 0,
  declares: false,
  vague: false,
};

/** Of two parts of a schema that both apply. */
function seenByBoth(one: Seen, other: Seen): Seen {
  if (one === nothingSeen) return other;
  if (other === nothingSeen) return one;
  return {
    all: one.all || other.all,
    keys: new Set([...one.keys, ...other.keys]),
    patterns: new Set([...one.patterns, ...other.patterns]),
    items: Math.max(one.items, other.items),
    declares: one.declares || other.declares,
    vague: one.vague || other.vague,
  };
}

/** A payload that the writer may have stored and the reader refuses, or so it seems. */
export interface Counter {
  readonly value: unknown;
  /** Where in the payload it is refused, such as "/items/*" and "/price". */
  readonly path: string;
}

export interface Proof {
  /** Whether it is proven; where not, nothing is said. */
  readonly holds: boolean;
  readonly seen: Seen;
  /** Paths of what the reader leaves unread. */
  readonly drops: readonly string[];
  readonly counters: readonly Counter[];
}

export const proven: Proof = { holds: true, seen: nothingSeen, drops: [], counters: [] };
export const unproven: Proof = { ...proven, holds: false };

export function provenIf(holds: boolean): Proof {
  return holds ? proven : unproven;
}

const maxCounters = 24;

/** Both must hold; a failure keeps what was found on either side. */
export function bothProven(one: Proof, other: Proof): Proof {
  if (one === proven) return other;
  if (other === proven) return one;
  return {
    holds: one.holds && other.holds,
    seen: seenByBoth(one.seen, other.seen),
    drops: [...one.drops, ...other.drops].slice(0, maxCounters),
    counters: [...one.counters, ...other.counters].slice(0, maxCounters),
  };
}

/** What the parts of the proof need of each other. */
export interface Prover {
  readonly budget: Budget;
  /** Whether counterexamples are wanted; otherwise the first failure ends it. */
  readonly explains: boolean;
  /** Where one counterexample is wanted: whether there is one among these that a producer may store. */
  isEnough(at: Pick<Conjunction, "items">, reader: Node, counters: readonly Counter[]): boolean;
  /** All that satisfies `at` satisfies `reader`: a place of its own, such as a property. */
  subset(at: Conjunction, reader: Node): Proof;
  /** The same for one branch, in place. */
  covers(branch: Branch, reader: Node): Proof;
  /** Without counterexamples. */
  quickly<Result>(ask: () => Result): Result;
  isEmpty(at: Conjunction): boolean;
  isDisjoint(branch: Branch, node: Node): boolean;
  narrowed(branch: Branch, ...conditions: readonly Node[]): readonly Branch[];
  /** Fails one demand, with counterexamples where they are wanted. */
  refuse(branch: Branch, constraint: Constraint): Proof;
}
