import type { Command } from "commander";
import { forgetContract, listContracts } from "../engine/manage.ts";
import { type GlobalOptions, withDatabase } from "./context.ts";
import { NotDoneError, UsageError } from "./failure.ts";
import { localTime, printJson, table } from "./terminal.ts";

/** `taskmaster contracts …` */
export function addContracts(program: Command): void {
  const contracts = program
    .command("contracts")
    .description("What the revisions of tasks mean, as releases registered it.");
  contracts
    .command("list")
    .description("List registered revisions.")
    .addHelpText("after", "\nExample:\n  npx taskmaster contracts list\n")
    .action(async (_: unknown, command: Command) => {
      const global: GlobalOptions = command.optsWithGlobals();
      await withDatabase(global, async (database) => {
        const found = await listContracts(database);
        if (global.json)
          printJson({ contracts: found.map((each) => ({ ...each, schema: JSON.parse(each.schema) as unknown })) });
        else if (found.length === 0) console.log("No contract is registered yet.");
        else
          console.log(
            table(
              ["task", "revision", "library", "release", "changed"],
              found.map((each) => [each.task, each.revision, each.vendor, each.release, localTime(each.changedAt)]),
            ),
          );
      });
    });
  contracts
    .command("forget <task>")
    .description("Forget what a revision meant, where no live process and no job knows it: for a draft in development.")
    .requiredOption("--revision <number>", "the revision")
    .addHelpText("after", "\nExample:\n  npx taskmaster contracts forget user.confirm --revision 2\n")
    .action(async (task: string, options: { revision: string }, command: Command) => {
      const revision = Number(options.revision);
      if (!Number.isInteger(revision)) throw new UsageError(`--revision ${options.revision} is no number.`);
      const global: GlobalOptions = command.optsWithGlobals();
      await withDatabase(global, async (database) => {
        const forgotten = await forgetContract(database, task, revision);
        if (!forgotten)
          throw new NotDoneError(
            `Revision ${revision} of ${task} was not forgotten: it is not registered, or a live process or a job still knows it. ` +
              `Look: npx taskmaster contracts list, npx taskmaster status, npx taskmaster jobs list --task ${task} --revision ${revision}`,
          );
        if (global.json) printJson({ task, revision, forgotten });
        else console.log(`Forgot revision ${revision} of ${task}.`);
      });
    });
}
