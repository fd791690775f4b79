import type { Command } from "commander";
import pc from "picocolors";
import { formatMilliseconds } from "../contract/duration.ts";
import { pause } from "../engine/database.ts";
import { type Deploy, openDeploy } from "../engine/deploys.ts";
import { type BacklogStatus, readStatus, type Status } from "../engine/status.ts";
import { type GlobalOptions, withDatabase } from "./context.ts";
import { fromNow, localTime, printJson, table } from "./terminal.ts";

/** `taskmaster status` */
export function addStatus(program: Command): void {
  program
    .command("status")
    .description("Releases, processes, the backlog, and what is stranded, held or failed.")
    .option("--watch", "draw it again every second, until Ctrl-C")
    .addHelpText(
      "after",
      "\nExamples:\n  npx taskmaster status\n  npx taskmaster status --watch\n  npx taskmaster status --json | jq .backlog\n",
    )
    .action(async ({ watch }: { watch?: boolean }, command: Command) => {
      const global: GlobalOptions = command.optsWithGlobals();
      await withDatabase(global, async (database) => {
        const stop = new AbortController();
        if (watch) process.once("SIGINT", () => stop.abort());
        do {
          const status = await readStatus(database);
          const gate = await openDeploy(database);
          if (global.json) printJson({ gate: gate ?? null, ...withAttempts(status) });
          else
            process.stdout.write(
              `${watch && process.stdout.isTTY ? "\x1b[2J\x1b[H" : ""}${closed(gate)}${draw(status)}\n`,
            );
          if (watch) await pause(1_000, stop.signal);
        } while (watch && !stop.signal.aborted);
      });
    });
}

function withAttempts({ processes, ...rest }: Status) {
  return { ...rest, processes: processes.map((each) => ({ ...each, running: JSON.parse(each.running) as unknown })) };
}

function closed(gate: Deploy | undefined): string {
  if (gate === undefined) return "";
  return `${pc.yellow("The gate is closed")} by deploy ${gate.id}: the workers of the releases that were live start nothing. npx taskmaster deploy status\n\n`;
}

function draw(status: Status): string {
  return [releases(status), processes(status), backlog(status), stranded(status), parked(status)]
    .filter((part) => part !== "")
    .join("\n\n");
}

function releases({ releases }: Status): string {
  if (releases.length === 0) return "No release has registered yet. Start a worker: npx taskmaster work";
  return table(
    ["release", "workers", "producers", "first seen"],
    releases.map(({ name, workers, producers, firstSeen }) => [
      workers + producers > 0 ? pc.bold(name) : pc.dim(name),
      workers,
      producers,
      localTime(firstSeen),
    ]),
  );
}

interface Running {
  readonly job: string;
  readonly task: string;
  readonly since: string;
  readonly overrun?: true;
  readonly progress?: number;
  readonly note?: string;
  readonly heard?: string;
}

function processes({ processes }: Status): string {
  if (processes.length === 0) return "";
  const rows = processes.map((each) => {
    const running = JSON.parse(each.running) as Running[];
    const remarks = [
      each.stopping ? "stopping" : "",
      each.lapsed ? pc.red("silent, about to be taken for dead") : "",
      each.silentMs > 0 ? pc.yellow(`main thread blocked for ${formatMilliseconds(each.silentMs)}`) : "",
      ...running
        .slice(0, 3)
        .map(
          ({ job, task, since, overrun, ...told }) =>
            `${task} ${job}${toldText(told)} for ${formatMilliseconds(Date.now() - Date.parse(since))}${overrun ? pc.red(" over its time limit") : ""}`,
        ),
      running.length > 3 ? `and ${running.length - 3} more` : "",
    ];
    return [
      each.id,
      each.role,
      each.release,
      `${each.host}:${each.pid}`,
      each.role === "worker" ? `${running.length}/${each.concurrency}` : "–",
      each.queues?.join(",") ?? "all",
      fromNow(each.seenAt),
      remarks.filter((remark) => remark !== "").join("; "),
    ];
  });
  return table(["process", "role", "release", "where", "runs", "queues", "seen", ""], rows);
}

/** What a task tells of itself: ` 40 % index (12 s ago)`. */
export function toldText({ progress, note, heard }: Pick<Running, "progress" | "note" | "heard">): string {
  return [
    progress === undefined ? "" : ` ${Math.floor(progress * 100)} %`,
    note === undefined ? "" : ` ${note}`,
    heard === undefined ? "" : ` (${fromNow(new Date(heard))})`,
  ].join("");
}

function backlog({ backlog }: Status): string {
  if (backlog.length === 0) return "The backlog is empty.";
  return table(
    ["task", "rev", "queue", "waiting", "scheduled", "retrying", "running", "oldest due", ""],
    backlog.flatMap((each, index) => {
      if (each.chain === null) return [row(each.task, each)];
      const heading = backlog[index - 1]?.chain === each.chain ? [] : [chainRow(backlog, each)];
      return [...heading, row(`  link ${each.link}`, each)];
    }),
  );
}

function row(name: string, each: BacklogStatus): (string | number)[] {
  return [
    name,
    each.min === each.revision ? String(each.revision) : `${each.revision} (down to ${each.min})`,
    each.queue,
    each.waiting,
    each.scheduled,
    each.retrying,
    each.running,
    each.oldest ? fromNow(each.oldest) : "–",
    [
      each.stranded ? pc.red("stranded") : "",
      each.interruptions >= 10 ? pc.yellow(`one was interrupted ${each.interruptions} times`) : "",
    ]
      .filter(Boolean)
      .join(" "),
  ];
}

/** A chain as one thing: all that its links have. */
function chainRow(backlog: readonly BacklogStatus[], { chain, links }: BacklogStatus): (string | number)[] {
  const parts = backlog.filter((each) => each.chain === chain);
  const sum = (of: (part: BacklogStatus) => number) => parts.reduce((all, part) => all + of(part), 0);
  const due = parts.flatMap(({ oldest }) => (oldest ? [oldest] : [])).sort((a, b) => a.getTime() - b.getTime());
  return [
    pc.bold(chain ?? ""),
    "",
    "",
    sum(({ waiting }) => waiting),
    sum(({ scheduled }) => scheduled),
    sum(({ retrying }) => retrying),
    sum(({ running }) => running),
    due[0] ? fromNow(due[0]) : "–",
    `a chain of ${links}`,
  ];
}

function stranded({ backlog }: Status): string {
  return backlog
    .filter((each) => each.stranded)
    .map(
      (each) =>
        `${pc.red("stranded")}  ${total(each)} jobs of ${each.task} revision ${each.revision} wait in queue ${each.queue}: ${why(each)}`,
    )
    .join("\n");
}

function total({ waiting, scheduled, retrying, running }: BacklogStatus): number {
  return waiting + scheduled + retrying + running;
}

function why({ task, min, revision, queue, readers }: BacklogStatus): string {
  if (readers === null)
    return `no live worker runs ${task} in that queue. Start one: npx taskmaster work --queue ${queue}`;
  return `live workers read revisions ${readers} of it, and these jobs can be read at ${min === revision ? revision : `${min} to ${revision}`}. They wait for a worker of the release that knows it, and nothing is lost.`;
}

function parked({ parked }: Status): string {
  if (parked.length === 0) return "";
  const lines = table(
    ["state", "task", "why", "jobs", "latest"],
    parked.map(({ state, task, reason, jobs, latest }) => [
      state === "failed" ? pc.red(state) : state === "held" ? pc.yellow(state) : state,
      task,
      reason,
      jobs,
      localTime(latest),
    ]),
  );
  return `${lines}\n${pc.dim("Look at them: npx taskmaster jobs list --state failed,held · run them again: npx taskmaster jobs retry …")}`;
}
