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
}

export interface Overrides {
  /** Names of tasks that may be stopped anywhere, whatever `acks_late` says. */
  readonly interruptible: readonly string[];
  /** Names of tasks that must not be cut off, whatever `acks_late` says. */
  readonly short: readonly string[];
}

/**
 * What a deploy waits for, as attempts:
 *
 * - active tasks; `interruptible` are those that the broker delivers again when their worker is killed in the middle;
 * - reserved ones, of either kind: the worker holds them in memory, nobody can take them back, and they start although its consumers are cancelled;
 * - scheduled ones that are due before the hold ends, for the same reason.
 */
export function attemptsOf(tasks: WorkerTasks, overrides: Overrides, holdMs: number, now: number): RunningAttempt[] {
  const { node, scheduled, reserved, active, registered } = tasks;
  const at = { process: node, where: node };
  const running = new Set(active.map(({ id }) => id));
  const waiting = scheduled.filter(({ eta = 0 }) => eta <= now + holdMs);
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

/**
 * `acks_late` alone does not make a task interruptible: where a stop reaches its pool process too (Supervisor's `stopasgroup`), Celery acknowledges it unless
 * `reject_on_worker_lost` is set. What has been acknowledged is not delivered again, whatever it is registered as.
 */
function kindOf(
  { name, acknowledged }: CeleryTask,
  registered: RegisteredTask | undefined,
  { interruptible, short }: Overrides,
): "short" | "interruptible" {
  if (short.includes(name)) return "short";
  if (interruptible.includes(name)) return "interruptible";
  return registered?.acksLate && registered.rejectOnWorkerLost && !acknowledged ? "interruptible" : "short";
}

/** What helps with tasks that are late-acknowledged and waited for all the same. */
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
      `${name} has acks_late without reject_on_worker_lost: it counts as short, for a stop of the whole process group would lose it. ` +
      `Set reject_on_worker_lost=True, or, where only the worker's main process is ever signalled, say so: --interruptible ${name}`,
  );
}
