import pc from "picocolors";
import { type Database, pause } from "../engine/database.ts";
import { findDeploy } from "../engine/deploys.ts";
import { retryByHand } from "../engine/manage.ts";
import { type FailedInDeploy, failedInDeploy, type Outlook } from "../engine/replay.ts";
import { Waker } from "../engine/wake.ts";
import { type GlobalOptions, withDatabase } from "./context.ts";
import { NotDoneError, UsageError } from "./failure.ts";
import { confirm, printJson, table } from "./terminal.ts";

/** `taskmaster jobs retry --deploy ID`: what failed in a deploy's window, given back at a pace, as far as a live worker can read it. */
export interface ReplayOptions {
  readonly deploy: string;
  readonly rate?: string;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

const meanings: Readonly<Record<Outlook, string>> = {
  readable: "readable as they are",
  upgrade: "readable, upgraded to a newer revision",
  unreadable: "left alone: no live worker reads them",
  queued: "in the queue again",
  done: "done since",
  held: "held for a person",
  cancelled: "cancelled",
};

export async function replay(global: GlobalOptions, options: ReplayOptions): Promise<void> {
  const deploy = Number(options.deploy);
  if (!Number.isInteger(deploy))
    throw new UsageError(`--deploy ${options.deploy}: write a deploy's number, as deploy history shows it.`);
  const perSecond = rateOf(options.rate);
  await withDatabase(global, async (database) => {
    if ((await findDeploy(database, deploy)) === undefined)
      throw new NotDoneError(`There is no deploy ${deploy}. Those there are: npx taskmaster deploy history`);
    const failed = await failedInDeploy(database, deploy);
    const ids = failed.filter(({ outlook }) => outlook === "readable" || outlook === "upgrade").map(({ id }) => id);
    if (!global.json) console.error(preview(deploy, failed));
    const isAsking = ids.length > 0 && !options.dryRun && !options.yes;
    if (isAsking && !process.stdin.isTTY)
      throw new UsageError(
        `${ids.length} jobs would be given back, and there is no terminal to ask on. Say --yes, or only look with --dry-run.`,
      );
    if (isAsking && !(await confirm(`Give ${ids.length} jobs back?`))) throw new NotDoneError("Nothing was changed.");
    const changed = options.dryRun ? 0 : await giveBack(database, ids, perSecond);
    if (global.json) printJson({ deploy, found: failed.length, changed, jobs: failed });
    else if (!options.dryRun) console.log(`${changed} of ${failed.length} jobs given back.`);
    if (!options.dryRun && changed < ids.length) process.exitCode = 1;
  });
}

/** @throws {UsageError} */
export function rateOf(rate: string | undefined): number {
  if (rate === undefined) return Number.POSITIVE_INFINITY;
  const [, count, unit] = /^(\d+(?:\.\d+)?)\/(s|min|h)$/.exec(rate) ?? [];
  const perSecond = Number(count) / (unit === "s" ? 1 : unit === "min" ? 60 : 3_600);
  if (!(perSecond > 0)) throw new UsageError(`--rate ${rate}: write how many in which time, such as 50/s or 10/min.`);
  return perSecond;
}

function preview(deploy: number, failed: readonly FailedInDeploy[]): string {
  if (failed.length === 0) return `No job failed in the window of deploy ${deploy}.`;
  const rows = new Map<string, [string, number | string, string, number]>();
  for (const { task, revision, outlook } of failed) {
    const key = `${task} ${revision} ${outlook}`;
    const row = rows.get(key) ?? [task ?? "–", revision ?? "–", meanings[outlook], 0];
    row[3]++;
    rows.set(key, row);
  }
  return `${pc.bold(`${failed.length} jobs failed in the window of deploy ${deploy}:`)}\n${table(["task", "rev", "", "jobs"], [...rows.values()])}`;
}

/** Ten batches a second at most; Ctrl-C ends between two of them. */
async function giveBack(database: Database, ids: readonly string[], perSecond: number): Promise<number> {
  const stop = new AbortController();
  const interrupt = () => stop.abort();
  process.once("SIGINT", interrupt);
  const waker = new Waker(database);
  const size = Math.max(1, Math.min(1_000, Math.floor(perSecond / 10)));
  const begun = performance.now();
  let changed = 0;
  for (let from = 0; from < ids.length && !stop.signal.aborted; from += size) {
    await pause(Math.max(0, (from / perSecond) * 1_000 - (performance.now() - begun)), stop.signal);
    if (stop.signal.aborted) break;
    const back = await retryByHand(database, ids.slice(from, from + size));
    changed += back.length;
    waker.wake(back.map(({ lane }) => lane));
    if (process.stderr.isTTY) process.stderr.write(`\r${changed} of ${ids.length}`);
  }
  if (process.stderr.isTTY && ids.length > 0) process.stderr.write("\n");
  process.off("SIGINT", interrupt);
  await waker.settled();
  return changed;
}
