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
import type { GlobalOptions } from "./context.ts";
import { durationOption, withHeldGate } from "./deploy-fleet.ts";
import {
  describeExtended,
  describeRemote,
  extendRemote,
  lookAtRemote,
  openRemote,
  tellRemote,
} from "./deploy-remote.ts";
import { blockedExitCode, NotDoneError, UsageError } from "./failure.ts";
import { type FleetOptions, withFleetOption, withFleetOptions } from "./fleet-option.ts";
import { localTime, printJson, table } from "./terminal.ts";

/** `taskmaster deploy finish | abort | extend | status`: what is done with a closed gate, from any machine. */
export function addHold(deploy: Command): void {
  withFleetOption(deploy.command("finish"))
    .description("Open the gate after a deploy. Says who has taken over, and what nobody can read.")
    .option("--strict", "do not open where no new worker lives, or something in the backlog cannot be read")
    .addHelpText(
      "after",
      "\nExamples:\n  npx taskmaster deploy finish\n  npx taskmaster deploy finish --strict --json\n",
    )
    .action(async (options: FleetOptions & { strict?: boolean }, command: Command) =>
      finish(command.optsWithGlobals(), options, options.strict === true),
    );
  withFleetOption(deploy.command("abort"))
    .description("Open the gate without a deploy: whoever holds it, from any machine.")
    .option("--reason <text>", "for the record")
    .addHelpText("after", '\nExample:\n  npx taskmaster deploy abort --reason "the migration failed"\n')
    .action(async (options: FleetOptions & { reason?: string }, command: Command) =>
      abort(command.optsWithGlobals(), options, options.reason),
    );
  withFleetOption(deploy.command("extend [duration]"))
    .description(
      "Keep the gate closed for so long from now on (default: 15m). Exit 3: it is, and a task of an existing queue starts before its end.",
    )
    .addHelpText("after", "\nExample:\n  npx taskmaster deploy extend 30m\n")
    .action(async (duration: string | undefined, options: FleetOptions, command: Command) =>
      extend(command.optsWithGlobals(), options, duration ?? "15m"),
    );
  withFleetOptions(deploy.command("status"))
    .description("Whether the gate is closed, by whom, since when, and what is behind it.")
    .addHelpText("after", "\nExamples:\n  npx taskmaster deploy status\n  npx taskmaster deploy status --json\n")
    .action(async (options: FleetOptions, command: Command) => status(command.optsWithGlobals(), options));
}

/** The deploy that holds the gate, where there is a record of deploys. */
async function heldBy(database: Database | undefined): Promise<Deploy | undefined> {
  if (database === undefined) return undefined;
  await lapseGate(database);
  return openDeploy(database);
}

function nothingHeld(): NotDoneError {
  return new NotDoneError("No deploy holds the gate: it is open. What was: npx taskmaster deploy history");
}

async function finish(global: GlobalOptions, options: FleetOptions, strict: boolean): Promise<void> {
  await withHeldGate(global, options, async (database, remote) => {
    const deploy = await heldBy(database);
    if (deploy?.state === "closing")
      throw new NotDoneError(
        `Deploy ${deploy.id} is not safe yet: it is still closing. Wait for deploy prepare, or call it off: npx taskmaster deploy abort`,
      );
    const takeover = database && deploy && (await lookAtTakeover(database, deploy));
    const isRefused =
      strict && takeover !== undefined && (takeover.newcomers.length === 0 || takeover.unread.length > 0);
    if (database && deploy && takeover && !isRefused) await end(database, deploy, takeover);
    const opened = isRefused ? [] : await openRemote(remote, "finished");
    if (deploy === undefined && !opened.some(({ wasClosed }) => wasClosed)) throw nothingHeld();
    if (isRefused) process.exitCode = 1;
    if (global.json)
      return printJson({ deploy: deploy?.id ?? null, finished: !isRefused, ...takeover, fleets: opened });
    if (deploy && takeover) tellFinish(deploy, takeover, isRefused);
    tellRemote(opened);
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

async function abort(global: GlobalOptions, options: FleetOptions, reason = "by hand"): Promise<void> {
  await withHeldGate(global, options, async (database, remote) => {
    const deploy = await heldBy(database);
    const isOurs =
      database !== undefined && deploy !== undefined && (await endGate(database, deploy.id, "aborted", reason));
    const opened = await openRemote(remote, "aborted");
    if (deploy === undefined && !opened.some(({ wasClosed }) => wasClosed)) throw nothingHeld();
    if (global.json) return printJson({ deploy: deploy?.id ?? null, aborted: isOurs, fleets: opened });
    if (deploy) console.log(`The gate of deploy ${deploy.id} is open: its workers run again.`);
    tellRemote(opened);
  });
}

async function extend(global: GlobalOptions, options: FleetOptions, duration: string): Promise<void> {
  const ms = durationOption(duration, "duration");
  if (ms < 1_000)
    throw new UsageError(
      `${duration} is too short: 1s is the least. To open the gate: deploy finish, or deploy abort.`,
    );
  await withHeldGate(global, options, async (database, remote) => {
    const deploy = await heldBy(database);
    if (deploy?.state === "closing")
      throw new NotDoneError(`Deploy ${deploy.id} is still closing, and renewed by its own program on ${deploy.host}.`);
    if (database && deploy) {
      if (!(await renewGate(database, deploy.id, ms)))
        throw new NotDoneError(`Deploy ${deploy.id} has ended meanwhile: the gate is open.`);
      await noteDeploy(database, deploy.id, "extended", { ms });
    }
    const extended = await extendRemote(remote, ms);
    if (deploy === undefined && extended.length === 0) throw nothingHeld();
    if (extended.some(({ blockers, doubts }) => blockers.length + doubts.length > 0))
      process.exitCode = blockedExitCode;
    if (global.json) return printJson({ deploy: deploy?.id ?? null, leaseMs: ms, fleets: extended });
    if (deploy) console.log(`The gate of deploy ${deploy.id} stays closed for ${formatMilliseconds(ms)} from now on.`);
    for (const line of extended.flatMap((each) => describeExtended(each, ms))) console.log(line);
  });
}

async function status(global: GlobalOptions, options: FleetOptions): Promise<void> {
  await withHeldGate(global, options, async (database, remote) => {
    const deploy = database && (await openDeploy(database));
    const members = database && deploy ? await gateMembers(database, deploy.id) : [];
    const fleets = await lookAtRemote(remote);
    if (global.json)
      return printJson({
        gate: deploy ?? null,
        workers: members.map((each) => ({ ...each, running: JSON.parse(each.running) as unknown })),
        fleets,
      });
    if (database) console.log(deploy === undefined ? "The gate is open." : describe(deploy, members));
    for (const fleet of fleets) console.log(describeRemote(fleet));
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
