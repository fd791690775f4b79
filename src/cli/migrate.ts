import type { Command } from "commander";
import { migrate } from "../engine/migrate.ts";
import { type GlobalOptions, withDatabase } from "./context.ts";
import { printJson } from "./terminal.ts";

/** `taskmaster migrate` */
export function addMigrate(program: Command): void {
  program
    .command("migrate")
    .description("Make or update Taskmaster's tables. Safe while older releases run; workers do it by themselves.")
    .addHelpText("after", "\nExample:\n  npx taskmaster migrate --database postgres://localhost/app\n")
    .action(async (_: unknown, command: Command) => {
      const global: GlobalOptions = command.optsWithGlobals();
      await withDatabase(
        global,
        async (database) => {
          const result = await migrate(database);
          if (global.json) printJson(result);
          else if (result.applied.length === 0) console.log(`The schema is up to date (version ${result.to}).`);
          else
            console.log(
              `Migrated the schema from version ${result.from} to ${result.to}: ${result.applied.join(", ")}.`,
            );
        },
        false,
      );
    });
}
