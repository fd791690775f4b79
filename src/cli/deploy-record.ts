import type { Command } from "commander";
import pc from "picocolors";
import { formatMilliseconds } from "../contract/duration.ts";
import { type Deploy, type DeployEvent, deployEvents, findDeploy, listDeploys } from "../engine/deploys.ts";
import { type Ledger, ledgerOf } from "../engine/ledger.ts";
import { type GlobalOptions, withDatabase } from "./context.ts";
import { NotDoneError, UsageError } from "./failure.ts";
import { localTime, printJson, table } from "./terminal.ts";

/** `taskmaster deploy history` and `deploy show` */
export function addRecord(deploy: Command): void {
  deploy
    .command("history")
    .description("The latest deploys, and how each ended.")
    .option("--limit <count>", "at most", "20")
    .addHelpText(
      "after",
      "\nExamples:\n  npx taskmaster deploy history\n  npx taskmaster deploy history --json --limit 100\n",
    )
    .action(async ({ limit }: { limit: string }, command: Command) => history(command.optsWithGlobals(), limit));
  deploy
    .command("show <id>")
    .description("Everything that is known of one deploy: its events, and what it did to jobs.")
    .addHelpText("after", "\nExample:\n  npx taskmaster deploy show 12\n")
    .action(async (id: string, _: unknown, command: Command) => show(command.optsWithGlobals(), id));
}

async function history(global: GlobalOptions, limit: string): Promise<void> {
  const count = Number(limit);
  if (!Number.isInteger(count) || count < 1) throw new UsageError(`--limit ${limit}: write a whole number from 1.`);
  await withDatabase(global, async (database) => {
    const deploys = await listDeploys(database, count);
    if (global.json) return printJson({ deploys });
    if (deploys.length === 0) return console.log("No deploy has closed the gate yet: npx taskmaster deploy prepare");
    console.log(
      table(
        ["deploy", "release", "by", "closed at", "for", "to the verdict", "ended", "why"],
        deploys.map((each) => [
          each.id,
          each.release ?? "–",
          `${each.openedBy}@${each.host}`,
          localTime(each.openedAt),
          each.endedAt ? formatMilliseconds(each.endedAt.getTime() - each.openedAt.getTime()) : "–",
          each.safeAt ? formatMilliseconds(each.safeAt.getTime() - each.openedAt.getTime()) : "–",
          colour(each.state),
          each.reason ?? "",
        ]),
      ),
    );
  });
}

function colour(state: Deploy["state"]): string {
  if (state === "finished" || state === "safe") return pc.green(state);
  return state === "closing" ? pc.yellow(state) : pc.red(state);
}

async function show(global: GlobalOptions, text: string): Promise<void> {
  const id = Number(text);
  if (!Number.isInteger(id) || id < 1 || id > 2 ** 31 - 1)
    throw new UsageError(`${text} is no deploy: write its number, as deploy history shows it.`);
  await withDatabase(global, async (database) => {
    const deploy = await findDeploy(database, id);
    if (deploy === undefined)
      throw new NotDoneError(`There is no deploy ${id}. Those there are: npx taskmaster deploy history`);
    const events = await deployEvents(database, id);
    const ledger = await ledgerOf(database, id);
    if (global.json)
      return printJson({
        ...deploy,
        events: events.map((each) => ({ ...each, detail: JSON.parse(each.detail) as unknown })),
        ledger,
      });
    console.log([summary(deploy), "", timeline(deploy, events), "", tellLedger(deploy, ledger)].join("\n"));
  });
}

function summary(deploy: Deploy): string {
  return [
    `Deploy ${deploy.id}${deploy.release ? ` of release ${deploy.release}` : ""}: ${colour(deploy.state)}${deploy.reason ? ` (${deploy.reason})` : ""}`,
    `closed by ${deploy.openedBy} on ${deploy.host} (process ${deploy.pid}) at ${localTime(deploy.openedAt)}${deploy.onlyShort ? ", only short tasks at first" : ""}`,
  ].join("\n");
}

function timeline({ openedAt }: Deploy, events: readonly DeployEvent[]): string {
  return table(
    ["after", "event", ""],
    events.map(({ at, event, detail }) => [
      formatMilliseconds(Math.max(0, at.getTime() - openedAt.getTime())),
      event,
      Object.entries(JSON.parse(detail) as Record<string, unknown>)
        .map(([key, value]) => `${key}: ${Array.isArray(value) ? value.join(", ") || "none" : String(value)}`)
        .join("; "),
    ]),
  );
}

function tellLedger({ id }: Deploy, ledger: Ledger): string {
  const rows: [string, string][] = [
    ["waited for the gate", `${ledger.waited} jobs, ${formatMilliseconds(ledger.waitedLongestMs)} at most`],
    ["handed back", `${ledger.handedBack} jobs that were claimed and not started`],
    ["interrupted", `${ledger.interrupted} attempts, whose worker was stopped behind the gate`],
    ["upgraded", `${ledger.upgraded} jobs of an older revision ran on a newer release`],
    ["downgraded", `${ledger.older} jobs of a newer revision ran in an older rendition`],
    ["failed", `${ledger.failed} jobs${ledger.failed > 0 ? `: npx taskmaster jobs retry --deploy ${id}` : ""}`],
    ["held", `${ledger.held} jobs`],
    ["stranded now", `${ledger.stranded} jobs`],
  ];
  return `In its window, ${localTime(ledger.from)} to ${localTime(ledger.until)}:\n${table(["", ""], rows)}`;
}
