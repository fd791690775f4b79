import type { LaneLoad, LiveTask, Production } from "../engine/production.ts";
import type { Condition } from "./finding.ts";
import { conditionText } from "./finding-text.ts";

/** What production says to a condition. */
export interface Answer {
  readonly condition: Condition;
  readonly holds: boolean;
  /** Such as `12 jobs of user.confirm revision 1 are left, the last due 2026-12-01 08:00 UTC`. */
  readonly text: string;
}

export function askProduction(condition: Condition, production: Production): Answer {
  const unmet = whyNot(condition, production);
  return { condition, holds: unmet === undefined, text: unmet ?? conditionText(condition) };
}

/** Undefined where the condition holds. */
function whyNot(condition: Condition, production: Production): string | undefined {
  switch (condition.kind) {
    case "no-jobs":
      return jobsLeft(condition.task, condition.revisionsTo ?? Number.POSITIVE_INFINITY, production);
    case "no-writers":
      return writersLeft(condition.task, condition.revisionsTo ?? Number.POSITIVE_INFINITY, production);
    case "readers":
      return missingReaders(condition.task, condition.revision, production);
    case "queue-worked":
      return production.processes.some((each) => each.role === "worker" && worksQueue(each, condition.queue))
        ? undefined
        : `no live worker works the queue ${condition.queue}`;
    case "queue-empty": {
      const lanes = production.lanes.filter(({ task, queue }) => task === condition.task && queue === condition.queue);
      return lanes.length === 0
        ? undefined
        : `${loadText(lanes)} of ${condition.task} left in the queue ${condition.queue}`;
    }
  }
}

function jobsLeft(task: string, revisionsTo: number, { lanes, schedules }: Production): string | undefined {
  const left = lanes.filter((lane) => lane.task === task && lane.max <= revisionsTo);
  const firing = schedules.filter((each) => each.task === task && each.max <= revisionsTo && each.nextAt !== null);
  const of = `of ${task}${Number.isFinite(revisionsTo) ? ` up to revision ${revisionsTo}` : ""}`;
  const parts = [
    ...(left.length > 0 ? [`${loadText(left)} ${of} left`] : []),
    ...firing.map(({ name, nextAt }) => `the schedule ${name} enqueues it next at ${timeText(nextAt)}`),
  ];
  return parts.length === 0 ? undefined : parts.join(", and ");
}

/** `12 jobs (3 of them failed or held; the last due 2026-12-01 08:00 UTC)` */
export function loadText(lanes: readonly LaneLoad[]): string {
  const queued = lanes.reduce((sum, lane) => sum + lane.queued, 0);
  const parked = lanes.reduce((sum, lane) => sum + lane.parked, 0);
  const due = lanes.flatMap(({ lastRunAt }) => (lastRunAt === null ? [] : [lastRunAt.getTime()]));
  const last = due.length > 0 ? `the last due ${timeText(new Date(Math.max(...due)))}` : "";
  const told = [parked > 0 ? `${count(parked)} of them failed or held` : "", last].filter((text) => text !== "");
  const jobs = queued + parked;
  return `${count(jobs)} ${jobs === 1 ? "job" : "jobs"}${told.length > 0 ? ` (${told.join("; ")})` : ""}`;
}

function writersLeft(task: string, revisionsTo: number, { processes }: Production): string | undefined {
  const writers = processes.filter((each) => each.task === task && each.writes && each.hi <= revisionsTo);
  return writers.length === 0
    ? undefined
    : `${processesText(writers)} may still enqueue ${task} at revision ${revisionsText(writers)}`;
}

function missingReaders(task: string, revision: number, { processes }: Production): string | undefined {
  const readers = processes.filter((each) => each.task === task && each.reads && each.role === "worker");
  if (readers.length === 0) return `no live worker runs ${task}`;
  const older = readers.filter(({ hi }) => hi < revision);
  return older.length === 0
    ? undefined
    : `${processesText(older)} of ${task} ${older.length === 1 ? "reads" : "read"} up to revision ${revisionsText(older)} only`;
}

/** `2 live processes (release 4f2a)` */
function processesText(processes: readonly LiveTask[]): string {
  const releases = [...new Set(processes.map(({ release }) => release))];
  const ids = new Set(processes.map(({ process }) => process)).size;
  return `${ids} live ${ids === 1 ? "process" : "processes"} (${releases.length === 1 ? "release" : "releases"} ${releases.join(", ")})`;
}

function revisionsText(processes: readonly LiveTask[]): string {
  return [...new Set(processes.map(({ hi }) => hi))].sort((one, other) => one - other).join(", ");
}

function worksQueue({ queues }: LiveTask, queue: string): boolean {
  return queues === null || queues.includes(queue);
}

export function count(number: number): string {
  return number.toLocaleString("en");
}

/** To the minute, in UTC: the reader may sit anywhere. */
export function timeText(time: Date | null): string {
  return time === null ? "never" : `${time.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
