#!/usr/bin/env node
import { Command, CommanderError, Option } from "commander";
import pc from "picocolors";
import { TaskmasterError } from "../contract/error.ts";
import { packageVersion } from "../process/version.ts";
import { endSoon, endWithoutReaders } from "./ending.ts";
import { exitCodeOf } from "./failure.ts";
import { collect } from "./job-options.ts";

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

/** In the order of the help. A command loads its own code alone: a hook that runs at each commit should not wait for the others'. */
const commands: { readonly [name: string]: () => Promise<(program: Command) => void> } = {
  work: async () => (await import("./work.ts")).addWork,
  status: async () => (await import("./status.ts")).addStatus,
  jobs: async () => (await import("./jobs.ts")).addJobs,
  enqueue: async () => (await import("./enqueue.ts")).addEnqueue,
  schedules: async () => (await import("./schedules.ts")).addSchedules,
  contracts: async () => (await import("./contracts.ts")).addContracts,
  deploy: async () => (await import("./deploy.ts")).addDeploy,
  audit: async () => (await import("./audit.ts")).addAudit,
  check: async () => (await import("./check.ts")).addCheck,
  plan: async () => (await import("./plan.ts")).addPlan,
  migrate: async () => (await import("./migrate.ts")).addMigrate,
};

const words = process.argv.slice(2);
const ours = words.includes("--") ? words.slice(0, words.indexOf("--")) : words; // behind it stands another program's command
const isJson = ours.includes("--json");
if (isJson) program.configureOutput({ writeErr: () => {} }); // what is wrong is told below

const isWorker = () => program.args[0] === "work";
endWithoutReaders(isWorker);

const [first = ""] = words;
const named = Object.hasOwn(commands, first) ? commands[first] : undefined;
// Help, suggestions and options before the command need all of them.
for (const load of named === undefined ? Object.values(commands) : [named]) (await load())(program);

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) tellUsage(error);
  else tell(error);
}
endSoon(isWorker() ? 2_000 : 500);

/** Commander has said it to people. */
function tellUsage({ exitCode, message }: CommanderError): void {
  process.exitCode = exitCode === 0 ? 0 : 2;
  if (!isJson || exitCode === 0) return;
  const what = message.startsWith("error: ") ? message.slice("error: ".length) : "There is no command. See --help.";
  process.stderr.write(`${JSON.stringify({ error: { code: "TASKMASTER_USAGE", message: what } })}\n`);
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
