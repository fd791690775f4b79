import type { Command } from "commander";
import pc from "picocolors";
import { checkTasks } from "../check/check.ts";
import { checkedTasks } from "../check/checked-task.ts";
import { conditionText } from "../check/finding-text.ts";
import { type Plan, type PlannedDeploy, type PlanStatus, planOf, statusOf } from "../check/plan.ts";
import { readProduction } from "../engine/production.ts";
import { checkInput, type InputFlags, nothingToCompareWith, orCouldNotCheck } from "./check-input.ts";
import { withDatabase } from "./context.ts";
import { CouldNotCheckError } from "./failure.ts";
import { printJson } from "./terminal.ts";

interface PlanFlags extends InputFlags {
  readonly status?: boolean;
}

/** `taskmaster plan` */
export function addPlan(program: Command): void {
  program
    .command("plan [files...]")
    .description(
      "The deploys in which the present change reaches production in phases, each with what makes it safe to go on.",
    )
    .option("--base <revision>", "the change is what differs from the lockfile of a git revision, such as origin/main")
    .option("--status", "ask production how far it has come")
    .addHelpText(
      "after",
      "\nExamples:\n  npx taskmaster plan\n  npx taskmaster plan --base origin/main\n  npx taskmaster plan --status\n",
    )
    .action(async (files: string[], _: unknown, command: Command) => {
      const flags: PlanFlags = command.optsWithGlobals();
      await orCouldNotCheck(() => plan(flags, files));
    });
}

async function plan(flags: PlanFlags, files: readonly string[]): Promise<void> {
  const { options, comparable } = await checkInput(flags, files, { compiled: false });
  if (!comparable) throw new CouldNotCheckError(nothingToCompareWith);
  const { findings } = await checkTasks(options);
  const made = planOf(findings, checkedTasks(options.tasks));
  if (!flags.status) return tell(flags, made);
  const status = await withDatabase(flags, async (database) => statusOf(made, await readProduction(database)));
  if (flags.json)
    printJson({
      ...status,
      deploys: status.deploys.map(({ answers, ...deploy }) => ({
        ...deploy,
        until: answers.map(({ condition, holds, text }) => ({ ...condition, holds, text })),
      })),
    });
  else console.log(drawStatus(status));
}

function tell({ json }: PlanFlags, { deploys }: Plan): void {
  if (json) printJson({ deploys });
  else if (deploys.length === 0) console.log(nothingToPlan);
  else console.log(deploys.map((deploy) => `${drawDeploy(deploy)}${drawConditions(deploy)}`).join("\n"));
}

const nothingToPlan = "Nothing to plan: the change needs one deploy, and nothing is left of earlier ones.";

function drawDeploy({ number, steps }: PlannedDeploy, mark = ""): string {
  const lines = steps.flatMap(({ task, does, code }) => [
    `  ${pc.bold(task)}: ${does}`,
    ...(code === undefined ? [] : code.split("\n").map((line) => pc.cyan(`      ${line}`))),
  ]);
  return `${pc.underline(`Deploy ${number}`)}${mark}\n${lines.join("\n")}\n`;
}

function drawConditions({ number, until }: PlannedDeploy): string {
  if (until.length === 0) return "";
  return `  ${pc.dim(`Deploy ${number + 1} is safe when`)}\n${until.map((each) => pc.dim(`  - ${conditionText(each)}`)).join("\n")}\n`;
}

function drawStatus({ deploys, now }: PlanStatus): string {
  if (deploys.length === 0) return nothingToPlan;
  const drawn = deploys.map((deploy) => {
    const mark = deploy.done ? pc.green("  done") : deploy.number === now ? pc.yellow("  production is here") : "";
    const answers = deploy.answers.map(({ holds, text }) => `  ${holds ? pc.green("✔") : pc.yellow("…")} ${text}`);
    const safe =
      answers.length > 0
        ? `  ${pc.dim(`Deploy ${deploy.number + 1} is safe when all of these hold:`)}\n${answers.join("\n")}\n`
        : "";
    return `${drawDeploy(deploy, mark)}${deploy.done ? "" : safe}`;
  });
  return drawn.join("\n");
}
