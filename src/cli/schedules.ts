import type { Command } from "commander";
import { listSchedules } from "../engine/schedules.ts";
import { type GlobalOptions, withDatabase } from "./context.ts";
import { fromNow, localTime, printJson, table } from "./terminal.ts";

/** `taskmaster schedules` */
export function addSchedules(program: Command): void {
  program
    .command("schedules")
    .description("Cron schedules, whose they are, and when they fire next.")
    .addHelpText("after", "\nExample:\n  npx taskmaster schedules\n")
    .action(async (_: unknown, command: Command) => {
      const global: GlobalOptions = command.optsWithGlobals();
      await withDatabase(global, async (database) => {
        const found = await listSchedules(database);
        if (global.json) printJson({ schedules: found });
        else if (found.length === 0)
          console.log("Nothing is scheduled. A worker registers the schedules that your task files export.");
        else
          console.log(
            table(
              ["schedule", "cron", "zone", "task", "release", "last", "next"],
              found.map((each) => [
                each.name,
                each.cron,
                each.timeZone,
                each.task,
                each.release,
                localTime(each.lastAt),
                each.nextAt ? `${localTime(each.nextAt)} (${fromNow(each.nextAt)})` : "never",
              ]),
            ),
          );
      });
    });
}
