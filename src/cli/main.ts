#!/usr/bin/env node
import { Command, CommanderError, Option } from "commander";
import pc from "picocolors";
import { TaskmasterError } from "../contract/error.ts";
import { packageVersion } from "../process/version.ts";
import { addAudit } from "./audit.ts";
import { addCheck } from "./check.ts";
import { addContracts } from "./contracts.ts";
import { addDeploy } from "./deploy.ts";
import { addEnqueue } from "./enqueue.ts";
import { exitCodeOf } from "./failure.ts";
import { collect } from "./job-options.ts";
import { addJobs } from "./jobs.ts";
import { addMigrate } from "./migrate.ts";
import { addPlan } from "./plan.ts";
import { addSchedules } from "./schedules.ts";
import { addStatus } from "./status.ts";
import { addWork } from "./work.ts";

// A reader that has seen enough (`| head`) is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

const program = new Command("taskmaster")
  .description("Background tasks on Postgres that can be deployed at any time of day.")
  .version(packageVersion)
  .option(
    "--database <url>",
    "a postgres:// URL (default: taskmaster.config.ts, DATABASE_URL, else an embedded Postgres under .taskmaster/)",
  )
  .option(
    "--tasks <files>",
    "a file or folder of tasks; may be repeated (default: taskmaster.config.ts, else tasks.ts, src/tasks.ts, tasks/, src/tasks/)",
    collect,
  )
  .option("--json", "answer in JSON")
  .addOption(new Option("--verbose", "say more, also where an error came from").env("TASKMASTER_DEBUG"))
  .showSuggestionAfterError()
  .showHelpAfterError("(--help shows how)")
  .exitOverride();

for (const add of [
  addWork,
  addStatus,
  addJobs,
  addEnqueue,
  addSchedules,
  addContracts,
  addDeploy,
  addAudit,
  addCheck,
  addPlan,
  addMigrate,
])
  add(program);

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else tell(error);
}

function tell(error: unknown): void {
  const { json, verbose } = program.opts<{ json?: boolean; verbose?: boolean }>();
  const code = error instanceof TaskmasterError ? error.code : "TASKMASTER_UNEXPECTED";
  const message = error instanceof Error ? error.message || String(error) : String(error);
  process.exitCode = exitCodeOf(error);
  if (json) process.stderr.write(`${JSON.stringify({ error: { code, message } })}\n`);
  else process.stderr.write(`${pc.red("taskmaster:")} ${message} ${pc.dim(`(${code})`)}\n`);
  if (verbose && error instanceof Error)
    process.stderr.write(`${error.stack}\n${error.cause instanceof Error ? `Caused by: ${error.cause.stack}\n` : ""}`);
}
