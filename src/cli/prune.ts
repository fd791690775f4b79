import pc from "picocolors";
import type { CheckOptions } from "../check/check.ts";
import { checkedTasks } from "../check/checked-task.ts";
import { prunable } from "../check/plan.ts";
import { readProduction } from "../engine/production.ts";
import { type GlobalOptions, withDatabase } from "./context.ts";
import { printJson } from "./terminal.ts";

/** `taskmaster check --prune`: what stands in the code for older releases, and whether production still needs it. */
export async function prune(
  global: GlobalOptions & { readonly format?: string },
  { tasks }: CheckOptions,
): Promise<void> {
  const found = await withDatabase(global, async (database) =>
    prunable(checkedTasks(tasks), await readProduction(database)),
  );
  if (global.json || global.format === "json")
    printJson({
      prune: found.map(({ kind, task, what, mayGo, answers }) => ({
        kind,
        task,
        what,
        mayGo,
        why: answers.map(({ holds, text }) => ({ holds, text })),
      })),
    });
  else if (found.length === 0) console.log("Nothing in the code stands there for older releases.");
  else
    for (const { task, what, mayGo, answers } of found) {
      const why = answers.filter(({ holds }) => mayGo || !holds).map(({ text }) => text);
      console.log(`${mayGo ? pc.green("may go ") : pc.yellow("needed ")} ${pc.bold(task)}: ${what}`);
      console.log(pc.dim(`        ${why.join("; ")}`));
    }
}
