import type { Command } from "commander";
import pc from "picocolors";
import { type AffectedWorker, affectedWorkers, changesSince, type TaskChange } from "../check/affected.ts";
import type { ExportedTask } from "../check/reach.ts";
import { revisionOf } from "../check/tree.ts";
import { isRunnableTask } from "../contract/task.ts";
import { workersWithTasks } from "../engine/takeover.ts";
import { type GlobalOptions, say, tasksOf, withDatabase } from "./context.ts";
import { UsageError } from "./failure.ts";
import { printJson, table } from "./terminal.ts";

/** `taskmaster deploy affected` */
export function addAffected(deploy: Command): void {
  deploy
    .command("affected [files...]")
    .description("Which tasks reach other code than what runs, and which workers need a restart for it.")
    .option(
      "--base <revision>",
      "compare with this git revision (default: for each worker, the commit that its release is)",
    )
    .addHelpText(
      "after",
      "\nExamples:\n  npx taskmaster deploy affected --base origin/main\n  npx taskmaster deploy affected --json | jq '.workers[] | select(.restart).where'\n",
    )
    .action(async (files: string[], { base }: { base?: string }, command: Command) =>
      affected(command.optsWithGlobals(), files, base),
    );
}

async function affected(global: GlobalOptions, files: readonly string[], base: string | undefined): Promise<void> {
  const { found } = await tasksOf(global, files);
  say(found.source);
  const tasks = found.tasks.filter(isRunnableTask).map((task): ExportedTask => {
    const { file, name } = found.exports.get(task) ?? { file: "", name: "" };
    return { task: task.name, file, name };
  });
  if (tasks.length === 0) throw new UsageError("No task that runs was found. Name the file that exports them.");
  await withDatabase(global, async (database) => {
    const workers = await workersWithTasks(database);
    const bases = new Map<string, string | undefined>(
      workers.map(({ release }) => [release, base ?? revisionOf(release, process.cwd())]),
    );
    const changes = new Map<string, readonly TaskChange[]>();
    for (const revision of new Set([...bases.values(), base]))
      if (revision !== undefined) changes.set(revision, await changesSince(revision, process.cwd(), tasks));
    const judged = affectedWorkers(workers, (release) => changes.get(bases.get(release) ?? ""));
    const compared = [...changes].map(([revision, all]) => ({ revision, tasks: all }));
    if (global.json)
      return printJson({
        compared,
        workers: judged.map((worker) => ({ ...worker, where: `${worker.host}:${worker.pid}` })),
      });
    console.log(tell(compared, judged));
  });
}

interface Compared {
  readonly revision: string;
  readonly tasks: readonly TaskChange[];
}

function tell(compared: readonly Compared[], workers: readonly AffectedWorker[]): string {
  const parts = compared.map(({ revision, tasks }) => {
    const other = tasks.filter(({ change }) => change !== "same");
    const same = tasks.length - other.length;
    return [
      `Since ${revision.slice(0, 12)}: ${other.length} of ${tasks.length} tasks reach other code${same > 0 ? `, ${same} the same` : ""}.`,
      ...other.map(({ task, change }) => `  ${change === "new" ? pc.green("new    ") : pc.yellow("changed")}  ${task}`),
    ].join("\n");
  });
  if (workers.length === 0) return [...parts, "No worker is alive."].join("\n\n");
  const rows = workers.map(({ process, host, pid, release, queues, restart, because }) => [
    process,
    `${host}:${pid}`,
    release.slice(0, 12),
    queues?.join(",") ?? "all",
    restart ? pc.yellow("restart") : pc.green("stays"),
    because.length > 5 ? `${because.slice(0, 5).join(", ")} and ${because.length - 5} more` : because.join(", "),
  ]);
  return [...parts, table(["worker", "where", "release", "queues", "", "because of"], rows)].join("\n\n");
}
