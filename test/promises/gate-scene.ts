import type { ChildProcess } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { onTestFinished } from "vitest";
import { Database } from "../../src/engine/database.ts";
import { TaskmasterFleet, type TaskmasterFleetOptions } from "../../src/fleets/taskmaster/taskmaster-fleet.ts";
import { Project } from "../setup/command-line.ts";
import { testDatabase } from "../setup/database.ts";
import { until } from "../setup/until.ts";

/** Real workers, whose tasks write when they start and end, and deployers of all kinds. */

const tasks = `
import { appendFileSync, existsSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { task } from "taskmaster";
import { z } from "zod";
const payload = z.object({ ms: z.number(), until: z.string().optional() });
const note = (what, job) => appendFileSync("ledger.txt", [what, job.task, job.id, process.pid, performance.timeOrigin + performance.now()].join(" ") + "\\n");
const run = async ({ ms, until }, { job }) => {
  note("start", job);
  do await pause(ms); while (until !== undefined && !existsSync(until));
  note("end", job);
};
export const mail = task("mail").payload(payload).short({ timeLimit: "60s" }, run);
export const sync = task("sync").payload(payload).short({ timeLimit: "60s", afterCrash: "retry" }, run);
export const index = task("index").payload(payload).interruptible(async ({ ms }, { job, signal }) => {
  note("start", job);
  await pause(ms, undefined, { signal });
  note("end", job);
});
`;

export interface Line {
  readonly what: "start" | "end";
  readonly task: string;
  readonly job: string;
  readonly pid: number;
  /** Milliseconds since 1970, with fractions. */
  readonly at: number;
}

export async function scene() {
  const database = await testDatabase();
  const project = new Project(database.url, { "tasks.ts": tasks });
  const ledger = (): Line[] => {
    const file = `${project.folder}/ledger.txt`;
    if (!existsSync(file)) return [];
    return readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => {
        const [what, task, job, pid, at] = line.split(" ");
        return { what, task, job, pid: Number(pid), at: Number(at) } as Line;
      });
  };
  const count = (what: Line["what"], task?: string) =>
    ledger().filter((line) => line.what === what && (task === undefined || line.task === task)).length;
  const deploys = async () => {
    const { rows } = await database.sql.query("select * from taskmaster.deploy order by id");
    return rows as { id: number; state: string; reason: string; opened_at: Date; safe_at: Date; ended_at: Date }[];
  };
  return {
    ...database,
    tasks,
    project,
    ledger,
    count,
    deploys,
    work: (...args: string[]) => work(project, args),
    /** @param until a file in the project's folder without which it does not end */
    enqueue: async (task: string, ms: number, until?: string) =>
      (await project.call(["enqueue", task, JSON.stringify({ ms, until })])).stdout.trim(),
    release: (until: string) => writeFileSync(`${project.folder}/${until}`, ""),
    started: (task: string, times = 1) => until(`${task} has started`, () => count("start", task) >= times),
    isOpen: async () => (await deploys()).every(({ ended_at }) => ended_at !== null),
    fleet: (options: Partial<TaskmasterFleetOptions> = {}) => fleetOn(database.url, options),
  };
}

/** Starts a worker and waits until it is ready. */
async function work(project: Project, args: readonly string[]): Promise<ChildProcess> {
  const child = project.start([
    "work",
    "--json",
    "--verbose",
    ...(args.includes("--release") ? [] : ["--release", "old"]),
    ...args,
  ]);
  child.stderr.resume();
  await new Promise<void>((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`The worker has ended with ${code}.`)));
    child.stdout.on("data", (data: Buffer) => {
      if (data.includes("process.registered")) resolve();
    });
  });
  child.removeAllListeners("exit");
  return child;
}

/** A deployer in this process. */
function fleetOn(url: string, options: Partial<TaskmasterFleetOptions>): TaskmasterFleet {
  const database = new Database({ url });
  const fleet = new TaskmasterFleet({
    database,
    sessions: true,
    holder: { by: "test", host: hostname(), pid: process.pid },
    release: null,
    onlyShort: false,
    leaseMs: 15_000,
    ...options,
  });
  onTestFinished(async () => {
    await fleet.leave();
    await database.end();
  });
  return fleet;
}

/** The lines that `deploy …` says, as they come. */
export function said(child: ChildProcess): { readonly text: () => string; readonly ends: Promise<number | null> } {
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (data: Buffer) => {
      text += data;
    });
  return { text: () => text, ends: new Promise((resolve) => child.once("close", resolve)) };
}
