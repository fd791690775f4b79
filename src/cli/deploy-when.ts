import type { Command } from "commander";
import pc from "picocolors";
import { nextTick } from "../contract/cron.ts";
import { formatMilliseconds } from "../contract/duration.ts";
import { type Drain, drainNow, type Moment, moments, type Traffic } from "../deploy/forecast.ts";
import type { Database } from "../engine/database.ts";
import { listSchedules } from "../engine/schedules.ts";
import { dueJobs, interruptibleTasks, runningShort, taskPaces } from "../engine/traffic.ts";
import { type GlobalOptions, withDatabase } from "./context.ts";
import { durationOption } from "./deploy-fleet.ts";
import { UsageError } from "./failure.ts";
import { localTime, printJson, table } from "./terminal.ts";

const longestMs = 48 * 3_600_000;

/** `taskmaster deploy when` */
export function addWhen(deploy: Command): void {
  deploy
    .command("when")
    .description("How long a drain would take now, and the best moments in the next hours.")
    .option("--within <duration>", "how far to look ahead, 48h at most", "6h")
    .addHelpText(
      "after",
      "\nExamples:\n  npx taskmaster deploy when\n  npx taskmaster deploy when --within 24h --json\n",
    )
    .action(async ({ within }: { within: string }, command: Command) => {
      const global: GlobalOptions = command.optsWithGlobals();
      const withinMs = durationOption(within, "--within");
      if (withinMs > longestMs || withinMs < 300_000)
        throw new UsageError(`--within ${within}: from 5 minutes to 48 hours can be looked at.`);
      await withDatabase(global, async (database) => {
        const now = Date.now();
        const traffic = await observe(database, now, withinMs);
        const drain = drainNow(traffic, now);
        const later = moments(traffic, now, withinMs);
        if (global.json) return printJson(asJson(traffic, drain, later));
        console.log(tell(traffic, drain, later, withinMs));
      });
    });
}

async function observe(database: Database, now: number, withinMs: number): Promise<Traffic> {
  const paces = await taskPaces(database);
  const running = await runningShort(database);
  const due = await dueJobs(database, withinMs);
  const interruptible = await interruptibleTasks(database);
  const schedules = await listSchedules(database);
  const ticks = schedules
    .filter(({ task }) => !interruptible.has(task))
    .flatMap(({ task, cron, timeZone }) => ticksOf(cron, timeZone, now, withinMs).map((at) => ({ task, at })));
  return { paces, running, due, ticks };
}

/** Of one schedule: a line that fires each second fires ten thousand times in a few hours, and then some. */
const mostTicks = 10_000;

function ticksOf(cron: string, timeZone: string, now: number, withinMs: number): number[] {
  const ticks: number[] = [];
  for (
    let at = nextTick(cron, timeZone, new Date(now));
    at && ticks.length < mostTicks;
    at = nextTick(cron, timeZone, at)
  ) {
    if (at.getTime() > now + withinMs) break;
    ticks.push(at.getTime());
  }
  return ticks;
}

function asJson(traffic: Traffic, drain: Drain, later: readonly Moment[]) {
  return {
    now: drain,
    running: traffic.running,
    moments: later.map((each) => ({ ...each, at: new Date(each.at).toISOString() })),
  };
}

function tell(traffic: Traffic, drain: Drain, later: readonly Moment[], withinMs: number): string {
  const [best] = later;
  const worst = later.at(-1);
  const runs = traffic.running.length;
  const now = `If the gate closed now: ${pc.bold(short(drain.expectedMs))} expected, ${short(drain.p90Ms)} in nine of ten cases (${runs} short ${runs === 1 ? "task runs" : "tasks run"}).`;
  if (best === undefined || worst === undefined) return now;
  if (worst.p90Ms - best.p90Ms < 500)
    return `${now}\nIn the next ${formatMilliseconds(withinMs)} one moment is as good as another: ${short(worst.p90Ms)} in nine of ten cases at most.`;
  return [
    now,
    "",
    `The best moments in the next ${formatMilliseconds(withinMs)}:`,
    table(
      ["around", "expected", "nine of ten"],
      later.slice(0, 5).map((each) => [localTime(new Date(each.at)), short(each.expectedMs), short(each.p90Ms)]),
    ),
    pc.dim(`The worst: around ${localTime(new Date(worst.at))}, ${short(worst.p90Ms)} in nine of ten cases.`),
  ].join("\n");
}

function short(ms: number): string {
  return formatMilliseconds(Math.round(ms));
}
