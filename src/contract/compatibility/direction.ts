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

export function compareDirection(writer: Node, reader: Node, steps: number): Findings {
  const whole = conjunction([item(writer, "writer")]);
  const budget = budgetOf(steps);
  const prover = new SubsetProver(budget);
  const proof = within(() => prover.subset(whole, reader));
  if (proof?.holds === true)
    return {
      verdict: "yes",
      drops: proof.drops.length > 0,
      droppedPaths: proof.drops,
      counters: [],
      spent: steps - budget.left,
    };
  const proving = steps - Math.max(0, budget.left);
  const found = within(() => {
    budget.left = steps;
    const explaining = proof === undefined ? new SubsetProver(budget) : prover;
    explaining.explain();
    return explaining.subset(whole, reader).counters;
  });
  const candidates = found === undefined || found.length === 0 ? simplest : found;
  const counters = candidates.filter(({ value }) => within(() => isWitness(writer, reader, value, budgetOf(steps))));
  const [first] = counters;
  const spent = proving + steps - Math.max(0, budget.left);
  const nothingDropped = { drops: false, droppedPaths: [], counters, spent };
  return first === undefined
    ? { verdict: "unknown", ...nothingDropped }
    : { verdict: "no", witness: first.value, ...nothingDropped };
}

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
