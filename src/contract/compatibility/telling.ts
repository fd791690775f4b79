import { type Branch, type Conjunction, demands } from "./branch.ts";
import type { Budget } from "./budget.ts";
import { isClosedPayload } from "./closed.ts";
import { evaluate } from "./evaluate.ts";
import { anything, Node } from "./node.ts";
import type { Counter } from "./proof.ts";
import { sample, sampleAgainst } from "./sample.ts";

/** Which counterexamples of a failed proof are worth telling: those that the evaluator does not contradict, and not too many of them. */

export const maxCounters = 8;
const maxTold = 40;

type Items = Pick<Conjunction, "items">;

/** Whether the reader surely refuses a value, and nothing says that the writer does. */
export function tells({ items }: Items, reader: Node, value: unknown, budget: Budget): boolean {
  if (evaluate(reader, value, budget) !== "no") return false;
  return items.every(({ node, role }) => {
    if (!demands(role)) return true;
    const verdict = evaluate(node, value, budget);
    return verdict !== (role === "not" ? "yes" : "no");
  });
}

/** Whether one of them tells and is stored as it is, so that no other is needed. */
export function hasWitness({ items }: Items, reader: Node, counters: readonly Counter[], budget: Budget): boolean {
  if (counters.length === 0) return false;
  const writers = items.filter(({ role }) => role === "writer").map(({ node }) => node);
  const [writer = anything] = writers.length > 1 ? [Node.of({ allOf: writers })] : writers;
  return counters.some(
    ({ value }) => tells({ items }, reader, value, budget) && isClosedPayload(writer, value, budget),
  );
}

/** Where a proof had no counterexample that tells. */
export function otherCounters(
  at: Conjunction,
  branches: readonly Branch[],
  reader: Node,
  budget: Budget,
): readonly Counter[] {
  const values = [
    ...sample(at, budget),
    ...branches.slice(0, 6).flatMap((branch) => sampleAgainst(branch, reader, budget)),
  ];
  return values
    .filter((value) => tells(at, reader, value, budget))
    .slice(0, 2)
    .map((value) => ({ value, path: "" }));
}

/** A few for each place, rather than many for the first. */
export function spread(counters: readonly Counter[]): readonly Counter[] {
  const byPath = new Map<string, Counter[]>();
  for (const counter of counters) byPath.set(counter.path, [...(byPath.get(counter.path) ?? []), counter]);
  const limit = Math.max(2, maxCounters - byPath.size);
  const few = [...byPath.values()].flatMap((same) => same.slice(0, byPath.size > maxCounters ? 1 : limit));
  return few.slice(0, maxTold);
}
