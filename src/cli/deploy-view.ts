import { stripVTControlCharacters } from "node:util";
import pc from "picocolors";
import { formatMilliseconds } from "../contract/duration.ts";
import { estimate } from "../deploy/estimate.ts";
import { type Blocker, blockersOf, type PrepareView } from "../deploy/prepare.ts";
import type { TaskDurations } from "../engine/durations.ts";
import { table } from "./terminal.ts";

/** What a closing gate looks like: on a terminal a picture that is drawn again, elsewhere a line for each change. */
export class DeployView {
  readonly #durations: (tasks: readonly string[]) => Promise<readonly TaskDurations[]>;
  #usual = new Map<string, TaskDurations | undefined>();
  #lines = 0;
  #last = "";
  #saidLongest = false;

  /** @param durations asks for the recorded durations of tasks, each once */
  constructor(durations: (tasks: readonly string[]) => Promise<readonly TaskDurations[]>) {
    this.#durations = durations;
  }

  show = (view: PrepareView): void => {
    const blockers = blockersOf(view);
    const unknown = [...new Set(blockers.map(({ task }) => task))].filter((task) => !this.#usual.has(task));
    if (unknown.length > 0) void this.#learn(unknown);
    const lines = this.#describe(view, blockers);
    if (process.stderr.isTTY) this.#redraw([...lines, ...picture(view, blockers, this.#usual)]);
    else this.#print(lines);
  };

  /** Ends the picture, so that what follows stands below it. */
  end(): void {
    this.#lines = 0;
  }

  async #learn(tasks: readonly string[]): Promise<void> {
    for (const task of tasks) this.#usual.set(task, undefined);
    const known = await this.#durations(tasks).catch(() => []);
    for (const each of known) this.#usual.set(each.task, each);
  }

  #describe(view: PrepareView, blockers: readonly Blocker[]): string[] {
    const processes = view.fleets.flatMap((fleet) => fleet.view.processes);
    const closed = processes.filter(({ state }) => state === "closed" || state === "gone").length;
    const { longestMs, expectedMs } = estimate(
      blockers,
      [...this.#usual.values()].flatMap((each) => each ?? []),
    );
    const waits = [
      longestMs !== undefined && blockers.length > 0 ? `at most ${formatMilliseconds(longestMs)}` : "",
      expectedMs !== undefined && blockers.length > 0 ? `probably ${formatMilliseconds(expectedMs)}` : "",
    ].filter(Boolean);
    const lines: string[] = [];
    if (!this.#saidLongest && longestMs !== undefined && blockers.length > 0) {
      this.#saidLongest = true;
      if (!process.stderr.isTTY)
        lines.push(`By their time limits the running short tasks take ${formatMilliseconds(longestMs)} at most.`);
    }
    lines.push(
      `${closed} of ${processes.length} workers closed, ${blockers.length} short ${blockers.length === 1 ? "task runs" : "tasks run"}${waits.length > 0 && process.stderr.isTTY ? ` (${waits.join(", ")})` : ""}`,
    );
    for (const { state, id, where, remark } of processes)
      if (state === "silent") lines.push(`process ${id} (${where}) does not answer: ${remark ?? ""}`);
    for (const doubt of view.fleets.flatMap((fleet) => fleet.view.doubts)) lines.push(doubt);
    return lines;
  }

  #redraw(lines: readonly string[]): void {
    const up = this.#lines > 0 ? `\x1b[${this.#lines}A\x1b[J` : "";
    process.stderr.write(`${up}${lines.join("\n")}\n`);
    const columns = process.stderr.columns || 80;
    const rows = (line: string) => Math.max(1, Math.ceil(stripVTControlCharacters(line).length / columns));
    this.#lines = lines.reduce((sum, line) => sum + rows(line), 0);
  }

  #print(lines: readonly string[]): void {
    const text = lines.join("\n").replaceAll(/lease ends in [^,;)]+/g, "lease has not ended"); // each second would be news
    if (text !== this.#last) process.stderr.write(`${lines.join("\n")}\n`);
    this.#last = text;
  }
}

function picture(
  view: PrepareView,
  blockers: readonly Blocker[],
  usual: ReadonlyMap<string, TaskDurations | undefined>,
): string[] {
  const rows = Math.max(3, (process.stderr.rows ?? 24) - 6);
  const waited = pc.dim(`waiting for ${formatMilliseconds(view.waitedMs)} · Ctrl-C opens the gate again`);
  if (blockers.length === 0) return [waited];
  return [
    ...blockerTable(blockers.slice(0, rows), usual).split("\n"),
    ...(blockers.length > rows ? [pc.dim(`and ${blockers.length - rows} more`)] : []),
    waited,
  ];
}

export function blockerTable(
  blockers: readonly Blocker[],
  usual: ReadonlyMap<string, TaskDurations | undefined>,
): string {
  return table(
    ["task", "job", "worker", "running for", "usually", "limit"],
    blockers.map(({ task, job, process, where, ranMs, limitMs, overrun, remark }) => [
      task,
      job,
      process === where ? process : `${process} (${where})`,
      remark !== undefined ? remark : overrun ? pc.red(formatMilliseconds(ranMs)) : formatMilliseconds(ranMs),
      usually(usual.get(task)),
      limitMs === undefined ? "–" : `${formatMilliseconds(limitMs)}${overrun ? pc.red(" passed") : ""}`,
    ]),
  );
}

function usually(durations: TaskDurations | undefined): string {
  if (durations === undefined) return "–";
  return `${formatMilliseconds(Math.round(durations.median))}, 99 % under ${formatMilliseconds(Math.round(durations.p99))}`;
}

/** A ticket for whoever owns the tasks that were in the way, in Markdown. */
export function ticket(
  deploy: string,
  waitedMs: number,
  blockers: readonly Blocker[],
  usual: ReadonlyMap<string, TaskDurations | undefined>,
): string {
  const tasks = [...new Set(blockers.map(({ task }) => task))];
  const parts = tasks.map((task) => {
    const runs = blockers.filter((blocker) => blocker.task === task);
    const durations = usual.get(task);
    return [
      `## \`${task}\``,
      "",
      ...runs.map(({ job, process, where, ranMs, limitMs, overrun, remark }) =>
        remark !== undefined
          ? `- job ${job} on ${where}: ${remark}`
          : `- job ${job} on process ${process} (${where}) had been running for ${formatMilliseconds(ranMs)}${limitMs === undefined ? "" : `, with a time limit of ${formatMilliseconds(limitMs)}`}${overrun ? ", which it had passed" : ""}`,
      ),
      "",
      durations === undefined
        ? "No run of it has succeeded in the last seven days."
        : `Its last ${durations.runs} runs took ${formatMilliseconds(Math.round(durations.median))} in the median, 99 % under ${formatMilliseconds(Math.round(durations.p99))}, the longest ${formatMilliseconds(durations.longest)}.`,
      "",
    ];
  });
  return [
    `# ${tasks.length === 1 ? `A task blocks deploys: ${tasks[0]}` : `${tasks.length} tasks block deploys`}`,
    "",
    `${deploy} was given up after ${formatMilliseconds(waitedMs)}, because short tasks were still running. A short task cannot be interrupted, so every deploy waits for it.`,
    "",
    ...parts.flat(),
    "Make each of them shorter (optimise its queries; split it into a chain of jobs; gather first and write in one short transaction at the end), or make it `.interruptible(…)`, so that it may be stopped anywhere and simply run again.",
    "",
  ].join("\n");
}
