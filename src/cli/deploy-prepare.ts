import { writeFileSync } from "node:fs";
import type { Command } from "commander";
import pc from "picocolors";
import { formatMilliseconds } from "../contract/duration.ts";
import { type Prepared, type PrepareView, prepare } from "../deploy/prepare.ts";
import { type TaskDurations, taskDurations } from "../engine/durations.ts";
import type { GlobalOptions } from "./context.ts";
import { durationOption, type Gate, type GateOptions, withGate, withGateOptions } from "./deploy-fleet.ts";
import { blockerTable, DeployView, ticket } from "./deploy-view.ts";
import { blockedExitCode } from "./failure.ts";
import { printJson } from "./terminal.ts";

interface PrepareOptions extends GateOptions {
  readonly hold: string;
  readonly ticket?: string;
}

/** `taskmaster deploy prepare` */
export function addPrepare(deploy: Command): void {
  withGateOptions(deploy.command("prepare"))
    .description(
      "Close the gate and wait until nothing runs that must not be cut off. Exit 0: safe; 3: given up, open again.",
    )
    .option("--hold <duration>", "how long the gate stays closed after the verdict, unless extended", "15m")
    .option("--ticket <file>", "where to write the ticket about the blockers, in Markdown (default: standard output)")
    .addHelpText(
      "after",
      "\nExamples:\n  npx taskmaster deploy prepare --release $(git rev-parse HEAD) && ./restart-everything && npx taskmaster deploy finish\n  npx taskmaster deploy prepare --timeout 2m --json\n",
    )
    .action(async (options: PrepareOptions, command: Command) => {
      const global: GlobalOptions = command.optsWithGlobals();
      const timeoutMs = durationOption(options.timeout, "--timeout");
      const holdMs = durationOption(options.hold, "--hold");
      await withGate(global, { ...options, holdMs }, async (gate) => {
        const prepared = await prepareAttended(gate, { timeoutMs, holdMs, quiet: global.json === true });
        await tellPrepared(prepared, gate, global, options);
      });
    });
}

/** As a shell has it for a program that Ctrl-C has ended. */
export const interruptedExitCode = 130;

/** Closes the gate and waits, shows what it waits for, and opens again on Ctrl-C. */
export async function prepareAttended(
  { fleets, own, leaseMs }: Gate,
  { quiet, ...times }: { timeoutMs: number; holdMs: number; quiet: boolean },
): Promise<Prepared> {
  const stop = new AbortController();
  const abort = () => stop.abort();
  const view = new DeployView((tasks) => durationsOf(own, tasks));
  process.on("SIGINT", abort).on("SIGTERM", abort).on("SIGHUP", abort);
  try {
    return await prepare({
      fleets,
      leaseMs,
      ...times,
      signal: stop.signal,
      ...(!quiet && { onView: view.show }),
    });
  } finally {
    view.end();
    process.off("SIGINT", abort).off("SIGTERM", abort).off("SIGHUP", abort);
  }
}

/** Recorded durations, of what Taskmaster's own workers run. */
async function durationsOf(own: Gate["own"], tasks: readonly string[]): Promise<readonly TaskDurations[]> {
  return own ? taskDurations(own.database, tasks) : [];
}

/** `Deploy 12`, or, where nothing keeps a record, `This deploy`. */
export function deployName({ own }: Gate): string {
  return own ? `Deploy ${own.fleet.deploy}` : "This deploy";
}

export async function tellPrepared(
  prepared: Prepared,
  gate: Gate,
  global: GlobalOptions,
  options: { readonly hold?: string; readonly ticket?: string },
): Promise<void> {
  const deploy = gate.own?.fleet.deploy ?? null;
  const waitedMs = Math.round(prepared.last?.waitedMs ?? 0);
  if (prepared.verdict === "blocked") return tellBlocked(prepared, gate, global, options);
  if (prepared.verdict === "aborted") process.exitCode = interruptedExitCode;
  if (global.json) return printJson({ deploy, verdict: prepared.verdict, waitedMs, ...fleetsOf(prepared.last) });
  if (prepared.verdict === "aborted")
    console.log(
      deploy === null
        ? "Interrupted: the gate is open again."
        : `Interrupted: the gate of deploy ${deploy} is open again.`,
    );
  else
    console.log(
      [
        `${pc.green("Safe.")} ${deployName(gate)}: nothing runs that must not be cut off, and nothing starts. It took ${formatMilliseconds(waitedMs)}.`,
        `Now migrate and restart; the gate stays closed for ${options.hold} (npx taskmaster deploy extend).`,
        ...adviceOf(prepared.last).map((advice) => `${pc.yellow("take care")}  ${advice}`),
        "When the new workers run: npx taskmaster deploy finish. To call it off: npx taskmaster deploy abort.",
      ].join("\n"),
    );
}

/** The verdict is worth more than the file: where that cannot be written, it is said. */
function writeTicket(file: string, markdown: string): void {
  try {
    writeFileSync(file, markdown);
  } catch (error) {
    process.stderr.write(`${pc.yellow("warning")}  The ticket was not written: ${String(error)}\n`);
  }
}

async function tellBlocked(
  { last, blockers }: Extract<Prepared, { verdict: "blocked" }>,
  gate: Gate,
  global: GlobalOptions,
  options: { readonly ticket?: string },
): Promise<void> {
  process.exitCode = blockedExitCode;
  const durations = await durationsOf(gate.own, [...new Set(blockers.map(({ task }) => task))]).catch(() => []);
  const usual = new Map<string, TaskDurations>(durations.map((each) => [each.task, each]));
  const open = last.fleets
    .flatMap(({ view }) => view.processes)
    .filter(({ state }) => state !== "closed" && state !== "gone");
  const doubts = last.fleets.flatMap(({ view }) => view.doubts);
  const markdown = ticket(deployName(gate), last.waitedMs, blockers, usual);
  if (options.ticket !== undefined) writeTicket(options.ticket, markdown);
  if (global.json)
    return printJson({
      deploy: gate.own?.fleet.deploy ?? null,
      verdict: "blocked",
      ...fleetsOf(last),
      waitedMs: Math.round(last.waitedMs),
      blockers: blockers.map((blocker) => ({ ...blocker, usually: usual.get(blocker.task) ?? null })),
      unanswered: open,
      ticket: markdown,
    });
  console.log(
    [
      `${pc.red("Not safe.")} ${deployName(gate)} is given up after ${formatMilliseconds(last.waitedMs)}; the gate is open again and the workers run. Do not deploy now.`,
      ...(blockers.length > 0 ? ["", blockerTable(blockers, usual)] : []),
      ...open.map(({ id, where, remark }) => `process ${id} (${where}) has not answered${remark ? `: ${remark}` : ""}`),
      ...doubts.map((doubt) => `${pc.yellow("cannot tell")}  ${doubt}`),
      ...gate.remote.flatMap(({ remarks }) => remarks),
      ...(blockers.length > 0
        ? ["", options.ticket === undefined ? markdown : `A ticket is in ${options.ticket}.`]
        : []),
    ].join("\n"),
  );
}

/** What whoever stops the workers has to know. */
export function adviceOf({ fleets }: PrepareView): string[] {
  return fleets.flatMap(({ view: { advice = [] } }) => advice);
}

/** What each fleet has said last, for programs. */
function fleetsOf(last: PrepareView | undefined) {
  const fleets = last?.fleets ?? [];
  return {
    fleets: fleets.map(({ name, view: { drained, processes, doubts, advice = [] } }) => ({
      name,
      drained,
      processes,
      doubts,
      advice,
    })),
  };
}
