import pc from "picocolors";
import { pause } from "../engine/database.ts";
import { type DeployWindow, deployWindow } from "../engine/deploy-window.ts";
import type { FailedJob, FailedJobs, FailureWindow } from "../fleets/failed-jobs.ts";
import { type GlobalOptions, say, withDatabase } from "./context.ts";
import { FailedJobTrial, type Outlook } from "./failed-job-trial.ts";
import { NotDoneError, UsageError } from "./failure.ts";
import { loadConfig } from "./find-tasks.ts";
import { type FleetOptions, fleetsThat, openFailedJobs } from "./fleet-option.ts";
import { type JobOptions, toFilter } from "./job-options.ts";
import { rateOf } from "./jobs-replay.ts";
import { confirm, localTime, printJson, table } from "./terminal.ts";

/** `taskmaster jobs list --fleet …` and `jobs retry --fleet …`: what has failed in existing queues. */
export interface FleetJobsOptions extends JobOptions, FleetOptions {
  readonly deploy?: string;
  /** False for `--no-contracts`. */
  readonly contracts?: string | false;
}

interface Choice {
  readonly window: FailureWindow;
  readonly fits: (job: FailedJob) => boolean;
}

export async function listFailed(global: GlobalOptions, options: FleetJobsOptions, limit: number): Promise<void> {
  const choice = await choose(global, options);
  await withFailedJobs(options, async (fleets) => {
    const newest: (FailedJob & { readonly fleet: string })[] = [];
    for (const fleet of fleets)
      for await (const jobs of chosen(fleet, choice)) {
        newest.push(...jobs.map((job) => ({ ...job, fleet: fleet.name })));
        newest.sort((one, other) => other.failedAt - one.failedAt).splice(limit);
      }
    if (global.json)
      return printJson({
        jobs: newest.map(({ place: _, data: __, failedAt, ...job }) => ({ ...job, failedAt: new Date(failedAt) })),
        remarks: fleets.flatMap(({ remarks }) => remarks),
      });
    if (newest.length === 0) console.log("No job fits.");
    else console.log(table(["queue", "job", "name", "failed", "", "why"], newest.map(row)));
    if (newest.length === limit) console.log(pc.dim(`The newest ${limit} are shown; --limit shows more.`));
    tellRemarks(fleets);
  });
}

function row({ queue, id, name, failedAt, standing, error }: FailedJob): string[] {
  return [queue, id, name, localTime(new Date(failedAt)), standing, shortened(error)];
}

export async function retryFailed(
  global: GlobalOptions,
  options: FleetJobsOptions & { readonly rate?: string; readonly yes?: boolean; readonly dryRun?: boolean },
): Promise<void> {
  const perSecond = rateOf(options.rate);
  const choice = await choose(global, options);
  const trial = await FailedJobTrial.find(options.contracts, await loadConfig());
  await withFailedJobs(options, async (fleets) => {
    const kinds = await countKinds(fleets, choice, trial);
    const found = sumOf(kinds);
    const leftAlone = sumOf(kinds.filter(({ refused }) => refused !== undefined));
    const fit = found - leftAlone;
    if (!global.json) {
      console.error(preview(kinds, found));
      tellRemarks(fleets);
    }
    const isAsking = fit > 0 && !options.dryRun && !options.yes;
    if (isAsking && !process.stdin.isTTY)
      throw new UsageError(
        `${fit} jobs would be given back, and there is no terminal to ask on. Say --yes, or only look with --dry-run.`,
      );
    if (isAsking && !(await confirm(`Give ${fit} jobs back?`))) throw new NotDoneError("Nothing was changed.");
    const changed = options.dryRun || fit === 0 ? 0 : await giveBack(fleets, choice, { trial, perSecond, fit });
    const remarks = fleets.flatMap((fleet) => fleet.remarks);
    if (global.json) printJson({ found, changed, leftAlone, kinds, remarks });
    else if (!options.dryRun) {
      console.log(`${changed} of ${found} jobs given back.`);
      if (leftAlone > 0)
        console.log(
          `${leftAlone} were left alone: their contract refuses them, so that they would fail again. All the same: --no-contracts`,
        );
      if (changed < fit) console.log("The others had moved on meanwhile.");
    }
    if ((!options.dryRun && changed < found) || (found === 0 && remarks.length > 0)) process.exitCode = 1;
  });
}

/** What is asked for, and when it failed. @throws {UsageError} */
async function choose(global: GlobalOptions, options: FleetJobsOptions): Promise<Choice> {
  const { task, queue, error, states, since, until, revision } = toFilter(options);
  if (revision !== undefined) throw new UsageError("--revision: jobs of existing queues have none.");
  if (states?.some((state) => state !== "failed"))
    throw new UsageError("--state: of existing queues, only the failed jobs are looked at.");
  if (options.deploy !== undefined && (since ?? until) !== undefined)
    throw new UsageError("--deploy is a window of time itself: leave out --since and --until.");
  const window =
    options.deploy === undefined
      ? { from: since?.getTime() ?? 0, until: Math.min(Date.now(), until?.getTime() ?? Number.POSITIVE_INFINITY) }
      : await windowOf(global, options.deploy);
  const fits = (job: FailedJob) =>
    (task === undefined || job.name === task) &&
    (queue === undefined || job.queue === queue) &&
    (error === undefined || job.error.toLowerCase().includes(error.toLowerCase()));
  return { window, fits };
}

async function windowOf(global: GlobalOptions, text: string): Promise<FailureWindow> {
  const deploy = Number(text);
  if (!Number.isInteger(deploy))
    throw new UsageError(`--deploy ${text}: write a deploy's number, as deploy history shows it.`);
  const found: DeployWindow | undefined = await withDatabase(global, (database) => deployWindow(database, deploy));
  if (found === undefined)
    throw new NotDoneError(
      `There is no deploy ${deploy}. Those there are: npx taskmaster deploy history. Without a record of deploys, say when: --since 2h`,
    );
  say(`window of deploy ${deploy}: ${localTime(found.from)} to ${localTime(found.until)}`);
  return { from: found.from.getTime(), until: found.until.getTime() };
}

async function withFailedJobs(options: FleetOptions, use: (fleets: readonly FailedJobs[]) => Promise<void>) {
  const fleets: FailedJobs[] = [];
  try {
    for (const text of fleetsThat("failed", options, await loadConfig())) {
      const fleet = await openFailedJobs(text);
      fleets.push(fleet);
      say(`fleet: ${fleet.name}`);
    }
    await use(fleets);
  } finally {
    for (const fleet of fleets) await fleet.leave();
  }
}

async function* chosen(fleet: FailedJobs, { window, fits }: Choice): AsyncGenerator<FailedJob[]> {
  for await (const page of fleet.pages(window)) {
    const jobs = page.filter(fits);
    if (jobs.length > 0) yield jobs;
  }
}

/** Without those that would only fail again. */
async function* taken(fleet: FailedJobs, choice: Choice, trial: FailedJobTrial): AsyncGenerator<FailedJob[]> {
  for await (const jobs of chosen(fleet, choice)) {
    const outlooks = await Promise.all(jobs.map((job) => trial.outlookOf(job)));
    yield jobs.filter((_, index) => outlooks[index]?.refused === undefined);
  }
}

interface FailedKind extends Outlook {
  readonly queue: string;
  readonly name: string;
  /** The first line of it; the most frequent ones are kept apart. */
  readonly error: string;
  jobs: number;
}

/** Errors that are kept apart: some say another number each time. */
const mostKinds = 50;

async function countKinds(fleets: readonly FailedJobs[], choice: Choice, trial: FailedJobTrial): Promise<FailedKind[]> {
  const kinds = new Map<string, FailedKind>();
  for (const fleet of fleets)
    for await (const jobs of chosen(fleet, choice))
      for (const job of jobs) {
        const { queue, name } = job;
        const outlook = await trial.outlookOf(job);
        const keyOf = (error: string) => [queue, name, error, JSON.stringify(outlook)].join("\n");
        const line = shortened(job.error);
        const error = kinds.size < mostKinds || kinds.has(keyOf(line)) ? line : "other errors";
        const kind = kinds.get(keyOf(error)) ?? { queue, name, error, jobs: 0, ...outlook };
        kind.jobs += 1;
        kinds.set(keyOf(error), kind);
      }
  return [...kinds.values()].sort((one, other) => other.jobs - one.jobs);
}

function sumOf(kinds: readonly FailedKind[]): number {
  return kinds.reduce((sum, { jobs }) => sum + jobs, 0);
}

function shortened(error: string): string {
  const [line = ""] = error.split("\n");
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}

function preview(kinds: readonly FailedKind[], found: number): string {
  if (found === 0) return "No job fits.";
  const rows = kinds.map((kind) => [kind.queue, kind.name, kind.error, kind.jobs, toldOf(kind)]);
  return `${pc.bold(`${found} jobs have failed:`)}\n${table(["queue", "name", "why", "jobs", ""], rows)}`;
}

function toldOf({ refused, isUndescribed }: Outlook): string {
  if (refused !== undefined) return `left alone: ${refused}`;
  return isUndescribed ? "no contract describes them" : "";
}

/** As they are read again: those that fail anew meanwhile are later than the window. Ten batches a second at most; Ctrl-C ends between two of them. */
async function giveBack(
  fleets: readonly FailedJobs[],
  choice: Choice,
  { trial, perSecond, fit }: { readonly trial: FailedJobTrial; readonly perSecond: number; readonly fit: number },
): Promise<number> {
  const stop = new AbortController();
  const interrupt = () => stop.abort();
  process.once("SIGINT", interrupt);
  const size = Math.max(1, Math.min(100, Math.floor(perSecond / 10)));
  const begun = performance.now();
  let [asked, changed] = [0, 0];
  for (const fleet of fleets)
    for await (const jobs of taken(fleet, choice, trial))
      for (let from = 0; from < jobs.length && !stop.signal.aborted; from += size) {
        await pause(Math.max(0, (asked / perSecond) * 1_000 - (performance.now() - begun)), stop.signal);
        if (stop.signal.aborted) break;
        const batch = jobs.slice(from, from + size);
        asked += batch.length;
        changed += await fleet.retry(batch);
        if (process.stderr.isTTY) process.stderr.write(`\r${changed} of ${fit}`);
      }
  if (process.stderr.isTTY) process.stderr.write("\n");
  process.off("SIGINT", interrupt);
  return changed;
}

function tellRemarks(fleets: readonly FailedJobs[]): void {
  for (const remark of fleets.flatMap(({ remarks }) => remarks)) console.error(pc.yellow(remark));
}
