import { formatMilliseconds } from "../../contract/duration.ts";
import type { RunningAttempt } from "../fleet.ts";
import type { CeleryTask, RegisteredTask } from "./protocol/inspection.ts";

/** What one worker has, asked in the order in which tasks move: scheduled, reserved, active. So none slips through between two questions. */
export interface WorkerTasks {
  readonly node: string;
  readonly scheduled: readonly CeleryTask[];
  readonly reserved: readonly CeleryTask[];
  readonly active: readonly CeleryTask[];
  readonly registered: ReadonlyMap<string, RegisteredTask>;
  /** How many of each name it has begun since it started. */
  readonly totals: ReadonlyMap<string, number>;
}

export interface Overrides {
  /** Names of tasks that may be stopped anywhere, whatever `acks_late` says. */
  readonly interruptible: readonly string[];
  /** Names of tasks that must not be cut off, whatever `acks_late` says. */
  readonly short: readonly string[];
}

/** A worker starts its tasks by the clock of its own machine. */
const clockSkewMs = 5_000;

/**
 * What a deploy waits for, as attempts:
 *
 * - active tasks; `interruptible` are those that the broker delivers again when their worker is killed in the middle (`acks_late`);
 * - reserved ones, of either kind: the worker holds them in memory, nobody can take them back, and they start although its consumers are cancelled;
 * - scheduled ones that are due before the hold ends, for the same reason.
 */
export function attemptsOf(tasks: WorkerTasks, overrides: Overrides, holdMs: number, now: number): RunningAttempt[] {
  const { node, scheduled, reserved, active, registered } = tasks;
  const at = { process: node, where: node };
  const running = new Set(active.map(({ id }) => id));
  const waiting = scheduled.filter(({ eta = 0 }) => eta <= now + holdMs + clockSkewMs);
  return [
    ...active.map((task) => ({
      ...at,
      job: task.id,
      task: task.name,
      kind: kindOf(task, registered.get(task.name), overrides),
      since: new Date(task.startedAt ?? now),
    })),
    ...[...reserved, ...waiting]
      .filter(({ id }, index, all) => !running.has(id) && all.findIndex((other) => other.id === id) === index)
      .map((task) => ({
        ...at,
        job: task.id,
        task: task.name,
        kind: "short" as const,
        since: new Date(now),
        remark: task.eta === undefined ? "prefetched, has not started" : dueIn(task.eta - now),
      })),
  ];
}

function dueIn(ms: number): string {
  return ms > 0 ? `has an ETA, starts in ${formatMilliseconds(Math.ceil(ms / 1_000) * 1_000)}` : "has an ETA, is due";
}

/** What has been acknowledged is not delivered again, whatever it is registered as. */
function kindOf(
  { name, acknowledged }: CeleryTask,
  registered: RegisteredTask | undefined,
  { interruptible, short }: Overrides,
): "short" | "interruptible" {
  if (short.includes(name)) return "short";
  if (interruptible.includes(name)) return "interruptible";
  return registered?.acksLate && !acknowledged ? "interruptible" : "short";
}

/** How the worker must be stopped, for those of its tasks that are interrupted with it. */
export function adviceOn(tasks: WorkerTasks, { interruptible, short }: Overrides): string[] {
  const late = tasks.active
    .map(({ name }) => name)
    .filter((name) => {
      const registered = tasks.registered.get(name);
      return (
        registered?.acksLate && !registered.rejectOnWorkerLost && !interruptible.includes(name) && !short.includes(name)
      );
    });
  return [...new Set(late)].map(
    (name) =>
      `${name} runs, with acks_late and without reject_on_worker_lost: stop its worker by a TERM to the main process alone, and a KILL after a while. A TERM to the whole process group, or a QUIT, ` +
      `loses it. A task that must not be cut off: --short ${name}`,
  );
}
