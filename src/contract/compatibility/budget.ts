/** A comparison may take so many steps and nest so deep, whatever it is given; beyond that its answer is "unknown". */

export class BudgetSpent extends Error {}

export interface Budget {
  left: number;
  /** What was worked out on the way, and would be again. */
  readonly memo?: Map<string, unknown>;
}

export function budgetOf(steps: number): Budget {
  return { left: steps, memo: new Map() };
}

export function remembered<Value>({ memo }: Budget, key: string, make: () => Value): Value {
  if (memo === undefined) return make();
  const known = memo.get(key);
  if (known !== undefined) return known as Value;
  const value = make();
  memo.set(key, value);
  return value;
}

/** @throws {BudgetSpent} */
export function spend(budget: Budget, steps = 1): void {
  budget.left -= steps;
  if (budget.left < 0) throw new BudgetSpent();
}
