import type { LiveWorkerTasks } from "../engine/takeover.ts";
import { type ExportedTask, fingerprints } from "./reach.ts";
import { withTreeAt } from "./tree.ts";

/** Which tasks reach other code than they did, and which running workers run such tasks. */

export interface TaskChange {
  readonly task: string;
  readonly change: "new" | "changed" | "same";
}

/**
 * What the tasks of this folder reach now, against what they reached at a revision.
 *
 * @throws {GitError} where git does not know the revision
 * @throws {ModuleGraphError} where either cannot be followed
 */
export async function changesSince(
  revision: string,
  folder: string,
  tasks: readonly ExportedTask[],
): Promise<TaskChange[]> {
  const now = await fingerprints(folder, tasks);
  const then = await withTreeAt(revision, folder, (old) => fingerprints(old, tasks));
  return tasks.map(({ task }) => {
    const before = then.get(task);
    return { task, change: before === undefined ? "new" : before === now.get(task) ? "same" : "changed" };
  });
}

export interface AffectedWorker extends LiveWorkerTasks {
  readonly restart: boolean;
  /** Tasks of it that have changed, or are gone. */
  readonly because: readonly string[];
}

/**
 * A worker has to be restarted where a task that it runs has changed or is not here any more. A new task needs workers that run it; which of them, only
 * their people know.
 */
export function affectedWorkers(
  workers: readonly LiveWorkerTasks[],
  changesOf: (release: string) => readonly TaskChange[] | undefined,
): AffectedWorker[] {
  return workers.map((worker) => {
    const changes = changesOf(worker.release);
    if (changes === undefined) return { ...worker, restart: true, because: ["its release is not known to git here"] };
    const same = new Set(changes.filter(({ change }) => change === "same").map(({ task }) => task));
    const because = worker.tasks.filter((task) => !same.has(task));
    return { ...worker, restart: because.length > 0, because };
  });
}
