import { type Budget, spend } from "./budget.ts";
import { compareDirection } from "./direction.ts";
import type { Node } from "./node.ts";

/** What a change means in one direction. */
export type Outcome = "ok" | "drop" | "break" | "change" | "unknown";

export type Kind = "narrowed" | "widened" | "replaced" | "added" | "removed" | "changed" | "undecided";

export interface Outcomes {
  readonly backward: Outcome;
  readonly forward: Outcome;
}

/** Enough for a schema taken apart. */
const steps = 4_000;

/** What follows from a change, by itself: the two schemas say nothing but what changed. */
export function outcomesOf(older: Node, newer: Node, budget: Budget): Outcomes {
  return { backward: outcomeOf(older, newer, budget), forward: outcomeOf(newer, older, budget) };
}

/** @throws {BudgetSpent} */
export function outcomeOf(writer: Node, reader: Node, budget: Budget): Outcome {
  const { verdict, drops, spent } = compareDirection(writer, reader, steps, "something");
  spend(budget, spent);
  if (verdict === "yes") return drops ? "drop" : "ok";
  return verdict === "no" ? "break" : "unknown";
}

/** Undefined where nothing follows. */
export function kindOf({ backward, forward }: Outcomes): Kind | undefined {
  if (backward === "unknown" || forward === "unknown") return "undecided";
  if (backward === "ok" && forward === "ok") return;
  if (backward === "break") return forward === "break" ? "replaced" : "narrowed";
  return forward === "break" ? "widened" : "changed";
}
