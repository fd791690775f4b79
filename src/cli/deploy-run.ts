import type { Command } from "commander";
import pc from "picocolors";
import { formatMilliseconds } from "../contract/duration.ts";
import { Renewing } from "../deploy/prepare.ts";
import { lookAtTakeover, type Takeover } from "../deploy/takeover.ts";
import { pause } from "../engine/database.ts";
import { findDeploy, noteDeploy } from "../engine/deploys.ts";
import type { GlobalOptions } from "./context.ts";
import { checkBeforeDeploy } from "./deploy-check.ts";
import { runCommand } from "./deploy-command.ts";
import {
  durationOption,
  type Gate,
  type GateOptions,
  type OwnGate,
  withGate,
  withGateOptions,
} from "./deploy-fleet.ts";
import { adviceOf, deployName, interruptedExitCode, prepareAttended, tellPrepared } from "./deploy-prepare.ts";
import { NotDoneError, UsageError } from "./failure.ts";

interface RunOptions extends GateOptions {
  readonly wait: string;
  readonly workers: string;
  readonly hold: string;
  readonly strict?: boolean;
  readonly check: boolean;
}

/** `taskmaster deploy run -- COMMAND` */
export function addRun(deploy: Command): void {
  withGateOptions(deploy.command("run"))
    .description(
      "Check the tasks, close the gate, run a command that migrates and restarts, wait for the new workers, open the gate. Passes on the command's exit code.",
    )
    .argument("<command...>", "what to run, after --")
    .option("--wait <duration>", "how long to wait for the new workers after the command", "2m")
    .option(
      "--hold <duration>",
      "how long the command may take: tasks of existing queues that are due within it are waited for",
      "15m",
    )
    .option("--workers <count>", "how many new workers to wait for", "1")
    .option("--no-check", "do not hold the tasks of this folder against their lockfile and production first")
    .option("--strict", "fail where something in the backlog cannot be read by the new workers")
    .addHelpText(
      "after",
      "\nExamples:\n  npx taskmaster deploy run -- ./deploy.sh\n  npx taskmaster deploy run --release $(git rev-parse HEAD) --timeout 2m -- sh -c 'npm run migrate && systemctl restart workers'\n",
    )
    .action(async (words: string[], options: RunOptions, command: Command) => {
      const global: GlobalOptions = command.optsWithGlobals();
      const timeoutMs = durationOption(options.timeout, "--timeout");
      const waitMs = durationOption(options.wait, "--wait");
      const workers = Number(options.workers);
      if (!/^\d{1,6}$/.test(options.workers))
        throw new UsageError(`--workers ${options.workers}: write a whole number, 0 to wait for none.`);
      const holdMs = durationOption(options.hold, "--hold");
      await withGate(global, { ...options, holdMs }, async (gate) => {
        if (options.check && gate.own) await checkBeforeDeploy(global, gate.own.database);
        const prepared = await prepareAttended(gate, { timeoutMs, holdMs: gate.leaseMs, quiet: false });
        if (prepared.verdict !== "safe") return tellPrepared(prepared, gate, global, {});
        for (const advice of adviceOf(prepared.last)) say(`${pc.yellow("take care")}  ${advice}`);
        say(`${pc.green("Safe")} after ${formatMilliseconds(prepared.last.waitedMs)}. Running: ${words.join(" ")}`);
        await runBehindGate(gate, words, { waitMs, workers, strict: options.strict === true });
      });
    });
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

interface Behind {
  readonly waitMs: number;
  readonly workers: number;
  readonly strict: boolean;
}

/** The gate is closed and safe: whatever happens here, it opens at the end. */
async function runBehindGate(gate: Gate, words: readonly string[], options: Behind): Promise<void> {
  const { fleets, own, remote, leaseMs } = gate;
  const name = deployName(gate);
  const stop = new AbortController();
  const interrupt = () => stop.abort();
  process.on("SIGINT", interrupt).on("SIGTERM", interrupt).on("SIGHUP", interrupt);
  const renewing = new Renewing(fleets, leaseMs);
  renewing.start();
  let outcome: "finished" | "aborted" = "aborted";
  let reason: string | undefined;
  try {
    if (own) await noteDeploy(own.database, own.fleet.deploy, "command started", { command: words });
    if (stop.signal.aborted) {
      process.exitCode = interruptedExitCode;
      reason = "interrupted before the command ran";
      return;
    }
    const code = await runCommand(words, stop.signal, own?.fleet.deploy);
    if (own) await noteDeploy(own.database, own.fleet.deploy, "command ended", { code }).catch(() => {});
    if (code !== 0) {
      process.exitCode = code;
      reason = stop.signal.aborted ? "interrupted while the command ran" : `the command ended with exit code ${code}`;
      return;
    }
    await renewing.verifyHeld(); // else a job may have run in the middle of the migration
    const takeover = own && (await waitForWorkers(own, stop.signal, options));
    await renewing.verifyHeld();
    const problem = problemOf(takeover, stop.signal, options);
    for (const warning of takeover?.warnings ?? []) say(`${pc.yellow("warning")}  ${warning}`);
    if (problem === undefined) outcome = "finished";
    else {
      process.exitCode = stop.signal.aborted ? interruptedExitCode : 1;
      reason = problem;
    }
  } catch (error) {
    reason = error instanceof Error ? error.message : String(error);
    throw error;
  } finally {
    await renewing.stop();
    const opened = await Promise.allSettled(fleets.map((fleet) => fleet.reopen(outcome, reason)));
    const isOurs = opened.some((each) => each.status === "fulfilled" && each.value);
    if (outcome === "finished" && opened.some((each) => each.status === "fulfilled" && !each.value)) {
      outcome = "aborted";
      reason = "somebody else has opened the gate at the last moment";
      process.exitCode = 1;
    }
    if (opened.some(({ status }) => status === "rejected")) process.exitCode = 1;
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt).off("SIGHUP", interrupt);
    if (outcome === "finished") say(`${pc.green("Finished.")} ${name}: the gate is open.`);
    else
      say(
        `${pc.red("Not finished")}: ${reason}. ${isOurs ? (own ? `The gate of deploy ${own.fleet.deploy} is open again.` : "The gate is open again.") : ""}`,
      );
    for (const remark of remote.flatMap(({ remarks }) => remarks)) say(`${pc.yellow("warning")}  ${remark}`);
    for (const each of opened)
      if (each.status === "rejected") say(`${pc.red("A fleet could not be opened")}: ${String(each.reason)}`);
  }
}

function problemOf(takeover: Takeover | undefined, { aborted }: AbortSignal, options: Behind): string | undefined {
  const { waitMs, workers, strict } = options;
  if (aborted) return "interrupted while the new workers were awaited";
  if (takeover === undefined) return undefined; // the workers of existing queues say nothing of their release
  const { newcomers, unread } = takeover;
  if (newcomers.length < workers)
    return `${newcomers.length} of ${workers} new workers came within ${formatMilliseconds(waitMs)} after the command`;
  if (strict && unread.length > 0) return "the new workers cannot read the whole backlog (--strict)";
  return undefined;
}

async function waitForWorkers(
  { fleet, database }: OwnGate,
  signal: AbortSignal,
  { waitMs, workers }: Behind,
): Promise<Takeover> {
  const deploy = await findDeploy(database, fleet.deploy);
  if (deploy === undefined) throw new NotDoneError(`The record of deploy ${fleet.deploy} is gone.`);
  const until = performance.now() + waitMs;
  for (let said = false; ; ) {
    const takeover = await lookAtTakeover(database, deploy);
    if (takeover.newcomers.length >= workers || performance.now() > until || signal.aborted) return takeover;
    if (!said) say(`Waiting for ${workers} new ${workers === 1 ? "worker" : "workers"} …`);
    said = true;
    await pause(250, signal);
  }
}
