/**
 * Which attempt the running code belongs to, for the few attempts that are watched: found by the stack, which goes on through what is awaited. An
 * AsyncLocalStorage would also follow callbacks and timers, but makes every promise of the program several times as dear, and some of that for good.
 */
export interface AttemptScope {
  /** The code of this attempt enqueues a task directly, and not through its context. */
  readonly onEnqueue: (task: string) => void;
}

const watched = new Map<string, AttemptScope>();
let count = 0;
const deepest = 200;

/** Runs a function as a watched attempt. */
export async function watchAttempt<T>(watcher: AttemptScope, work: () => T): Promise<Awaited<T>> {
  const name = `taskmasterAttempt${++count}`;
  watched.set(name, watcher);
  const named = { [name]: async () => await work() }; // the stack tells its name
  try {
    return (await named[name]?.()) as Awaited<T>;
  } finally {
    watched.delete(name);
  }
}

/** Tells the attempt that the caller is part of, where it is watched. */
export function noteEnqueue(task: string): void {
  if (watched.size === 0) return;
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = deepest;
  const { stack = "" } = new Error();
  Error.stackTraceLimit = stackTraceLimit;
  for (const [name] of stack.matchAll(/\btaskmasterAttempt\d+\b/g)) {
    const watcher = watched.get(name);
    if (watcher === undefined) continue;
    watcher.onEnqueue(task);
    return;
  }
}
