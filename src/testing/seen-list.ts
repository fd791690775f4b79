import { createHash } from "node:crypto";
import { UnstableTaskError } from "./unsafe-task.ts";

/**
 * The lists that `ctx.each` goes through. Of a list the place is remembered as a number, so that a rerun has to find the same list: where it comes in
 * another order, items are skipped and others handled twice, which idempotent writes may hide from every snapshot.
 */
export interface SeenList {
  /** Of the iteration. */
  readonly name: string;
  /** The line of the task. */
  readonly where: string;
  /** A digest of the items in their order, and one of the items alone. */
  readonly order: string;
  readonly members: string;
}

export function seenList(name: string, items: readonly unknown[], where: string): SeenList {
  const texts = items.map(textOf);
  return { name, where, order: digest(texts), members: digest([...texts].sort()) };
}

function textOf(item: unknown): string {
  try {
    return JSON.stringify(item) ?? typeof item;
  } catch {
    return typeof item; // a bigint, or what refers to itself
  }
}

function digest(texts: readonly string[]): string {
  const hash = createHash("sha1");
  for (const text of texts) hash.update(text).update("\n");
  return hash.digest("hex");
}

/**
 * Lists of one job's attempts, by the name of the iteration. A list with other items is left to the snapshots: they tell whether that matters.
 *
 * @throws {UnstableTaskError} where a rerun goes through the same items in another order
 */
export function compareLists(task: string, known: Map<string, SeenList>, lists: readonly SeenList[]): void {
  for (const list of lists) {
    const before = known.get(list.name);
    if (before === undefined) known.set(list.name, list);
    else if (before.members === list.members && before.order !== list.order)
      throw new UnstableTaskError(
        `ctx.each("${list.name}") of ${task} goes through the same list in another order when the task runs again. Of a list the place is remembered, ` +
          "as a number: some items would be left out, and others handled twice. Sort it, or let it come from a step.",
        list.where || before.where,
      );
  }
}
