import { AsyncLocalStorage } from "node:async_hooks";

/**
 * Which attempt the running code belongs to, for the few attempts that are watched. Following every promise of a program costs more than an
 * attempt does, so the following is switched on for a watched attempt, and off again when none runs.
 */
export interface AttemptScope {
  /** The code of this attempt enqueues a task directly, and not through its context. */
  readonly onEnqueue: (task: string) => void;
}

const scope = new AsyncLocalStorage<AttemptScope>();
let watched = 0;

/** Runs a function as a watched attempt. */
export async function watchAttempt<T>(watcher: AttemptScope, work: () => T): Promise<Awaited<T>> {
  watched++;
  try {
    return await scope.run(watcher, work);
  } finally {
    if (--watched === 0) scope.disable();
  }
}

/** Tells the attempt that the caller is part of, where it is watched. */
export function noteEnqueue(task: string): void {
  scope.getStore()?.onEnqueue(task);
}
