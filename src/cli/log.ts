import { subscribe } from "node:diagnostics_channel";
import pc from "picocolors";
import { formatMilliseconds } from "../contract/duration.ts";
import type { TaskmasterEvent } from "../engine/events.ts";

/** The worker's log: a line for each happening, plain or as JSON. */
export type LogStyle = "lines" | "json" | "quiet";

/** Happenings that are too many to be told by default. */
const minor = new Set<TaskmasterEvent["event"]>([
  "job.claimed",
  "job.started",
  "job.enqueued",
  "process.registered",
  "database.opened",
]);

export function logEvents(style: LogStyle, verbose: boolean): void {
  if (style === "quiet") return;
  subscribe("taskmaster", (message) => {
    const event = message as TaskmasterEvent;
    if (minor.has(event.event) && !verbose) return;
    if (style === "json")
      process.stdout.write(`${JSON.stringify({ at: new Date().toISOString(), ...event }, errorsAsText)}\n`);
    else process.stdout.write(`${pc.dim(new Date().toLocaleTimeString("sv"))} ${describe(event)}\n`);
  });
}

function errorsAsText(_: string, value: unknown): unknown {
  return value instanceof Error ? { name: value.name, message: value.message } : value;
}

function describe(event: TaskmasterEvent): string {
  switch (event.event) {
    case "job.succeeded":
      return `${pc.green("succeeded")}  ${event.task} ${event.job} in ${formatMilliseconds(event.ranMs)}`;
    case "job.retrying":
      return `${pc.yellow("retrying")}   ${event.task} ${event.job} in ${formatMilliseconds(event.inMs)}: ${messageOf(event.error)}`;
    case "job.failed":
      return `${pc.red("failed")}     ${event.task} ${event.job}: ${messageOf(event.error)}. Look: npx taskmaster jobs show ${event.job}`;
    case "job.held":
      return `${pc.yellow("held")}       ${event.task} ${event.job} (${event.reason}): ${event.detail}`;
    case "job.overrun":
      return `${pc.yellow("overrun")}    ${event.task} ${event.job} has run longer than its ${formatMilliseconds(event.limitMs)}`;
    case "job.interrupted":
      return `handed back ${event.task} ${event.job}, interrupted`;
    case "job.handed-back":
      return `handed back ${event.jobs.length} jobs that had not started`;
    case "job.lost":
      return `${pc.yellow("lost")}       ${event.task} ${event.job} belongs to another worker by now (${event.during})`;
    case "process.died":
      return `${pc.yellow("rescued")}    process ${event.process} died: ${event.released} jobs given back, ${event.held} held`;
    case "process.declared-dead":
      return pc.red(`this worker was taken for dead as process ${event.process}; it registers again`);
    case "process.fenced":
      return pc.red(
        `no word from the database for ${formatMilliseconds(event.silentMs)}: this worker stops what could run twice`,
      );
    case "process.blocked":
      return pc.yellow(
        `the main thread was blocked for ${formatMilliseconds(event.silentMs)} while it ran ${event.running.join(", ") || "nothing of ours"}`,
      );
    case "database.lost":
      return pc.yellow(`the database does not answer (${event.during}): ${messageOf(event.error)}. Trying again.`);
    case "database.back":
      return pc.green(`the database answers again (${event.during})`);
    case "database.degraded":
      return pc.yellow(event.why);
    case "last-reader.stopping":
      return pc.yellow(
        `this was the last live worker that reads ${event.stranded.map(({ task, revision, jobs }) => `${task} revision ${revision} (${jobs} jobs left)`).join(", ")}: they wait until another one starts`,
      );
    case "schedule.fired":
      return `scheduled  ${event.schedule} as job ${event.job}`;
    case "schedule.owned":
      return `schedules of release ${event.release}: ${event.schedules.join(", ") || "none"}${event.removed.length > 0 ? `; removed: ${event.removed.join(", ")}` : ""}`;
    case "contract.changed":
      return `revision ${event.revision} of ${event.task} was edited (${event.verdict})`;
    case "schema.migrated":
      return `migrated the schema from version ${event.from} to ${event.to}`;
    default: {
      const { event: name, ...rest } = event;
      return `${name} ${JSON.stringify(rest, errorsAsText)}`;
    }
  }
}

function messageOf(error: unknown): string {
  return typeof error === "object" && error !== null && "message" in error ? String(error.message) : String(error);
}
