/** A comparison may take so many steps and nest so deep, whatever it is given; beyond that its answer is "unknown". */

export class BudgetSpent extends Error {}

export interface Budget {
  left: number;
}

/** @throws {BudgetSpent} */
export function spend(budget: Budget, steps = 1): void {
  budget.left -= steps;
  if (budget.left < 0) throw new BudgetSpent();
}
