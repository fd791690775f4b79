import { type Budget, BudgetSpent, spend } from "./budget.ts";
import { pruned, Reader } from "./declaration.ts";
import type { Node } from "./node.ts";

/** Far fewer steps than a producer may take. */
const maxSteps = 20_000;
const stepsOfOne = 100;

/**
 * Whether a valid payload is one that a producer may store: its wire form is the payload itself.
 *
 * @throws {BudgetSpent}
 */
export function isClosedPayload(writer: Node, payload: unknown, budget: Budget): boolean {
  spend(budget, stepsOfOne);
  const reader = new Reader(Math.min(maxSteps, budget.left));
  const kept = pruned(writer, payload, reader);
  if (reader.isSpent) throw new BudgetSpent();
  return kept === payload;
}
