import type { Command } from "commander";
import pc from "picocolors";
import { formatMilliseconds } from "../contract/duration.ts";
import { lookAtTakeover, type Takeover } from "../deploy/takeover.ts";
import type { Database } from "../engine/database.ts";
import {
  type Deploy,
  endGate,
  type GateMember,
  gateMembers,
  noteDeploy,
  openDeploy,
  renewGate,
} from "../engine/deploys.ts";
import { lapseGate, type ReportedAttempt } from "../engine/gate.ts";
import { type GlobalOptions, withDatabase } from "./context.ts";
import { durationOption } from "./deploy-fleet.ts";
import { NotDoneError } from "./failure.ts";
import { localTime, printJson, table } from "./terminal.ts";

/** `taskmaster deploy finish | abort | extend | status`: what is done with a closed gate, from any machine. */
export function addHold(deploy: Command): void {
  deploy
    .command("finish")
    .description("Open the gate after a deploy. Says who has taken over, and what nobody can read.")
    .option("--strict", "do not open where no new worker lives, or something in the backlog cannot be read")
    .addHelpText(
      "after",
      "\nExamples:\n  npx taskmaster deploy finish\n  npx taskmaster deploy finish --strict --json\n",
    )
    .action(async ({ strict }: { strict?: boolean }, command: Command) =>
      finish(command.optsWithGlobals(), strict === true),
    );
  deploy
    .command("abort")
    .description("Open the gate without a deploy: whoever holds it, from any machine.")
    .option("--reason <text>", "for the record")
    .addHelpText("after", '\nExample:\n  npx taskmaster deploy abort --reason "the migration failed"\n')
    .action(async ({ reason }: { reason?: string }, command: Command) => abort(command.optsWithGlobals(), reason));
  deploy
    .command("extend [duration]")
    .description("Keep the gate closed for so long from now on (default: 15m).")
    .addHelpText("after", "\nExample:\n  npx taskmaster deploy extend 30m\n")
    .action(async (duration: string | undefined, _: unknown, command: Command) =>
      extend(command.optsWithGlobals(), duration ?? "15m"),
    );
  deploy
    .command("status")
    .description("Whether the gate is closed, by whom, since when, and what is behind it.")
    .addHelpText("after", "\nExamples:\n  npx taskmaster deploy status\n  npx taskmaster deploy status --json\n")
    .action(async (_: unknown, command: Command) => status(command.optsWithGlobals()));
}

async function held(database: Database): Promise<Deploy> {
  await lapseGate(database);
  const deploy = await openDeploy(database);
  if (deploy === undefined)
    throw new NotDoneError("No deploy holds the gate: it is open. What was: npx taskmaster deploy history");
  return deploy;
}

async function finish(global: GlobalOptions, strict: boolean): Promise<void> {
  await withDatabase(global, async (database) => {
    const deploy = await held(database);
    if (deploy.state === "closing")
      throw new NotDoneError(
        `Deploy ${deploy.id} is not safe yet: it is still closing. Wait for deploy prepare, or call it off: npx taskmaster deploy abort`,
      );
    const takeover = await lookAtTakeover(database, deploy);
    const isRefused = strict && (takeover.newcomers.length === 0 || takeover.unread.length > 0);
    if (!isRefused) await end(database, deploy, takeover);
    if (global.json) printJson({ deploy: deploy.id, finished: !isRefused, ...takeover });
    else tellFinish(deploy, takeover, isRefused);
    if (isRefused) process.exitCode = 1;
  });
}

async function end(database: Database, deploy: Deploy, { newcomers, old, warnings }: Takeover): Promise<void> {
  await noteDeploy(database, deploy.id, "finishing", {
    newcomers: newcomers.map(({ process }) => process),
    old: old.map(({ process }) => process),
    warnings,
  });
  if (!(await endGate(database, deploy.id, "finished", null)))
    throw new NotDoneError(
      `Deploy ${deploy.id} has ended meanwhile. What happened: npx taskmaster deploy show ${deploy.id}`,
    );
}

function tellFinish(deploy: Deploy, { newcomers, warnings }: Takeover, isRefused: boolean): void {
  for (const warning of warnings) console.log(`${pc.yellow("warning")}  ${warning}`);
  console.log(
    isRefused
      ? `${pc.red("Not finished")}: the gate of deploy ${deploy.id} stays closed (--strict). Mend what is said above, or open it: npx taskmaster deploy abort`
      : `${pc.green("Finished.")} Deploy ${deploy.id} held the gate for ${formatMilliseconds(Date.now() - deploy.openedAt.getTime())}. ${newcomers.length} new ${newcomers.length === 1 ? "worker runs" : "workers run"}.`,
  );
}

async function abort(global: GlobalOptions, reason = "by hand"): Promise<void> {
  await withDatabase(global, async (database) => {
    const deploy = await held(database);
    const isOurs = await endGate(database, deploy.id, "aborted", reason);
    if (global.json) return printJson({ deploy: deploy.id, aborted: isOurs });
    console.log(`The gate of deploy ${deploy.id} is open: its workers run again.`);
  });
}

async function extend(global: GlobalOptions, duration: string): Promise<void> {
  const ms = durationOption(duration, "duration");
  await withDatabase(global, async (database) => {
    const deploy = await held(database);
    if (deploy.state === "closing")
      throw new NotDoneError(`Deploy ${deploy.id} is still closing, and renewed by its own program on ${deploy.host}.`);
    if (!(await renewGate(database, deploy.id, ms)))
      throw new NotDoneError(`Deploy ${deploy.id} has ended meanwhile: the gate is open.`);
    await noteDeploy(database, deploy.id, "extended", { ms });
    if (global.json) return printJson({ deploy: deploy.id, leaseMs: ms });
    console.log(`The gate of deploy ${deploy.id} stays closed for ${formatMilliseconds(ms)} from now on.`);
  });
}

async function status(global: GlobalOptions): Promise<void> {
  await withDatabase(global, async (database) => {
    const deploy = await openDeploy(database);
    const members = deploy ? await gateMembers(database, deploy.id) : [];
    if (global.json)
      return printJson({
        gate: deploy ?? null,
        workers: members.map((each) => ({ ...each, running: JSON.parse(each.running) as unknown })),
      });
    if (deploy === undefined) return console.log("The gate is open.");
    console.log(describe(deploy, members));
  });
}

function describe(deploy: Deploy, members: readonly GateMember[]): string {
  const verdict = deploy.state === "safe" ? pc.green("safe to deploy") : pc.yellow("closing");
  const lease =
    deploy.leaseMs > 0
      ? `opens by itself in ${formatMilliseconds(deploy.leaseMs)} unless renewed`
      : pc.red("its holder is silent: the workers open it any moment");
  return [
    `Deploy ${deploy.id}${deploy.release ? ` of release ${deploy.release}` : ""}: ${verdict}`,
    `closed by ${deploy.openedBy} on ${deploy.host} (process ${deploy.pid}) at ${localTime(deploy.openedAt)}; ${lease}`,
    ...(deploy.closes === "short" ? ["interruptible tasks still start (--only-short)"] : []),
    "",
    table(
      ["worker", "release", "where", "gate", "short", "interruptible"],
      members.map(({ process, release, host, pid, acked, dead, running }) => {
        const attempts = JSON.parse(running) as ReportedAttempt[];
        const short = attempts.filter(({ kind }) => kind === "short");
        return [
          process,
          release,
          `${host}:${pid}`,
          dead ? "dead" : acked === deploy.closes || acked === "all" ? "closed" : "open",
          short.map(({ task, job }) => `${task} ${job}`).join(", "),
          attempts.length - short.length,
        ];
      }),
    ),
  ].join("\n");
}
