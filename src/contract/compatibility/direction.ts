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
  let spent = 0;
  const limited = <Result>(ask: () => Result, limit = steps): Result | undefined => {
    budget.left = limit;
    const result = within(ask);
    spent += limit - Math.max(0, budget.left);
    return result;
  };
  const prover = new SubsetProver(budget);
  const proof = limited(() => prover.subset(whole, reader));
  if (proof?.holds === true) return held(proof.drops, spent);
  const literal: Counter[] = [];
  const witnessesAmong = (candidates: readonly Counter[]): readonly Counter[] =>
    candidates.filter((counter) => {
      const how = within(() => refuted(writer, reader, counter.value, budgetOf(steps)));
      if (how === "literally") literal.push(counter);
      return how === "surely";
    });
  const search = (what: "something" | "everything", depth?: number, limit?: number): readonly Counter[] => {
    // What was broken off has left assumptions behind.
    const searching = depth !== undefined || budget.left < 0 ? new SubsetProver(budget, depth) : prover;
    searching.explain(what);
    return witnessesAmong(limited(() => searching.subset(whole, reader).counters, limit) ?? []);
  };
  let one: readonly Counter[] = [];
  for (const depth of shallow) if (one.length === 0) one = search("something", depth);
  if (one.length === 0) one = search("something", undefined, steps * lastSearch);
  const all = wanted === "everything" || one.length === 0 ? search("everything") : one;
  const sure = [all, one].find((counters) => counters.length > 0) ?? witnessesAmong(simplest);
  const again =
    proof === undefined && sure.length === 0
      ? limited(() => new SubsetProver(budget).subset(whole, reader), steps * lastProof)
      : undefined;
  if (again?.holds === true) return held(again.drops, spent);
  const counters = sure.length > 0 ? sure : literal;
  const [first] = counters;
  const found = { drops: false, droppedPaths: [], counters, spent };
  return first === undefined ? { verdict: "unknown", ...found } : { verdict: "no", witness: first.value, ...found };
}

function held(drops: readonly string[], spent: number): Findings {
  return { verdict: "yes", drops: drops.length > 0, droppedPaths: drops, counters: [], spent };
}

/** A witness is looked for near the top first: the ways down multiply. */
const shallow = [3, 6, 12];

/** How many times as many steps the last search takes: of large schemas' histories every third that was undecided is decided by it. */
const lastSearch = 5;

/** And the last proof, where the first was broken off and no witness was found: one small change of a schema of 80 kB takes 50,000 to 100,000 steps. */
const lastProof = 10;

/** Where the steps do not suffice for a search, as in a very large schema. */
const simplest: readonly Counter[] = [{}, [], "", 0, false, null].map((value) => ({ value, path: "" }));

/**
 * Whether a payload is one that the writer may store and the reader refuses: surely, or where the writer's schema is taken as the
 * specification says, by which a format or a keyword that it does not know refuses nothing. The reader refuses it in any case.
 */
function refuted(writer: Node, reader: Node, value: unknown, budget: Budget): "surely" | "literally" | undefined {
  if (evaluate(reader, value, budget) !== "no" || !isClosedPayload(writer, value, budget)) return;
  if (evaluate(writer, value, budget) === "yes") return "surely";
  return evaluate(writer, value, budget, "literally") === "yes" ? "literally" : undefined;
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
