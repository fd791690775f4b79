import type { JsonSchema } from "../json-schema.ts";
import { conjunction, item } from "./branch.ts";
import { BudgetSpent, budgetOf } from "./budget.ts";
import { evaluate } from "./evaluate.ts";
import { Node } from "./node.ts";
import { sample } from "./sample.ts";

/** A few values that a schema surely takes; none where none is found in so many steps. */
export function instancesOf(schema: JsonSchema, steps = 4_000): readonly unknown[] {
  const node = Node.root(schema);
  try {
    const budget = budgetOf(steps);
    return sample(conjunction([item(node, "writer")]), budget).filter(
      (value) => evaluate(node, value, budget) === "yes",
    );
  } catch (error) {
    if (error instanceof BudgetSpent || error instanceof RangeError) return [];
    throw error;
  }
}
