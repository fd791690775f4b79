import type { Command } from "commander";
import pc from "picocolors";
import { audit } from "../deploy/audit.ts";
import { taskRecords } from "../engine/audit.ts";
import { taskDurations } from "../engine/durations.ts";
import { type GlobalOptions, withDatabase } from "./context.ts";
import { printJson } from "./terminal.ts";

/** `taskmaster audit` */
export function addAudit(program: Command): void {
  program
    .command("audit")
    .description("Which tasks make deploys wait or unsafe, by what is on record, and what helps.")
    .addHelpText("after", "\nExamples:\n  npx taskmaster audit\n  npx taskmaster audit --json\n")
    .action(async (_: unknown, command: Command) => {
      const global: GlobalOptions = command.optsWithGlobals();
      await withDatabase(global, async (database) => {
        const records = await taskRecords(database);
        const findings = audit(records, await taskDurations(database));
        if (global.json) return printJson({ tasks: records.length, findings });
        if (findings.length === 0)
          return console.log(`Nothing is on record against the ${records.length} tasks that workers have registered.`);
        for (const { task, severity, rule, message, advice } of findings)
          console.log(
            `${severity === "warning" ? pc.yellow(severity) : pc.dim(severity)}  ${pc.bold(task)}: ${message} ${pc.dim(`(${rule})`)}\n  ${advice}`,
          );
      });
    });
}
