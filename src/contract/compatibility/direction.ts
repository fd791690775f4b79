import { conjunction, item } from "./branch.ts";
import { type Budget, BudgetSpent, budgetOf } from "./budget.ts";
import { isClosedPayload } from "./closed.ts";
import { evaluate } from "./evaluate.ts";
import type { Node } from "./node.ts";
import type { Counter } from "./proof.ts";
import { SubsetProver } from "./prover.ts";
import type { Verdict } from "./truth.ts";

/** One direction of a comparison: whether a reader takes what a writer may have stored. */
export interface Direction {
  /** "yes" is proven; "no" comes with a witness; "unknown" is neither, and must not be taken for a pass. */
  readonly verdict: Verdict;
  /** Whether the reader silently ignores something that the writer sends. */
  readonly drops: boolean;
  /** A payload that the writer may have stored and the reader refuses. */
  readonly witness?: unknown;
}

export interface Findings extends Direction {
  readonly droppedPaths: readonly string[];
  readonly counters: readonly Counter[];
  /** How many steps it took. */
  readonly spent: number;
}

/**
 * @param wanted "something" where one witness is enough. "everything": a counterexample for each place where the reader refuses
 *   something, if the steps suffice for that; of a large schema they suffice for one witness much sooner.
 */
export function compareDirection(
  writer: Node,
  reader: Node,
  steps: number,
  wanted: "something" | "everything",
): Findings {
  const whole = conjunction([item(writer, "writer")]);
  const budget = budgetOf(steps);
  const prover = new SubsetProver(budget);
  let spent = 0;
  const limited = <Result>(ask: () => Result, limit = steps): Result | undefined => {
    budget.left = limit;
    const result = within(ask);
    spent += limit - Math.max(0, budget.left);
    return result;
  };
  const proof = limited(() => prover.subset(whole, reader));
  if (proof?.holds === true) {
    const { drops } = proof;
    return { verdict: "yes", drops: drops.length > 0, droppedPaths: drops, counters: [], spent };
  }
  const search = (what: "something" | "everything", depth?: number, limit?: number): readonly Counter[] => {
    // What was broken off has left assumptions behind.
    const searching = depth !== undefined || budget.left < 0 ? new SubsetProver(budget, depth) : prover;
    searching.explain(what);
    const found = limited(() => searching.subset(whole, reader).counters, limit) ?? [];
    return found.filter(({ value }) => within(() => isWitness(writer, reader, value, budgetOf(steps))));
  };
  let one: readonly Counter[] = [];
  for (const depth of shallow) if (one.length === 0) one = search("something", depth);
  if (one.length === 0) one = search("something", undefined, steps * lastEffort);
  const all = wanted === "everything" || one.length === 0 ? search("everything") : one;
  const found = [all, one].find((counters) => counters.length > 0);
  const counters =
    found ?? simplest.filter(({ value }) => within(() => isWitness(writer, reader, value, budgetOf(steps))));
  const [first] = counters;
  const nothingDropped = { drops: false, droppedPaths: [], counters, spent };
  return first === undefined
    ? { verdict: "unknown", ...nothingDropped }
    : { verdict: "no", witness: first.value, ...nothingDropped };
}

/** A witness is looked for near the top first: the ways down multiply. */
const shallow = [3, 6, 12];

/** How many times as many steps the last search takes: of large schemas' histories every third that was undecided is decided by it. */
const lastEffort = 5;

/** Where the steps do not suffice for a search, as in a very large schema. */
const simplest: readonly Counter[] = [{}, [], "", 0, false, null].map((value) => ({ value, path: "" }));

function isWitness(writer: Node, reader: Node, value: unknown, budget: Budget): boolean {
  return (
    evaluate(writer, value, budget) === "yes" &&
    isClosedPayload(writer, value, budget) &&
    evaluate(reader, value, budget) === "no"
  );
}

/** Undefined where the steps, or the stack, do not suffice. */
function within<Result>(ask: () => Result): Result | undefined {
  try {
    return ask();
  } catch (error) {
    if (error instanceof BudgetSpent || error instanceof RangeError) return;
    throw error;
  }
}
