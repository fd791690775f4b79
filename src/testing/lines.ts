import { createHook, executionAsyncId } from "node:async_hooks";
import { isAbsolute, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** Lines of a task's source, found by the stack: of what runs just now, or of what it was begun by. */

/** This package's own code: src/ or dist/. */
const ours = fileURLToPath(new URL("..", import.meta.url));

/** What calls a task: beyond it stands who has called us. */
const boundary = /(worker.attempt|testing.(stepping-worker|hand|proof|killed-process))\.[jt]s:/;

const deepest = 100;
/** Causes of causes that are looked at. */
const furthest = 500;

/** A stack, not yet written out: that is the dear part of it. */
function capture(): { readonly stack?: string } {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = deepest;
  const captured = new Error();
  Error.stackTraceLimit = stackTraceLimit;
  return captured;
}

/** The line in the task's function that calls: behind our own frames, the outermost of what is neither ours nor a library's. */
function lineIn(stack: string): string {
  let found = "";
  for (const line of stack.split("\n").slice(1)) {
    const place = placeOf(line);
    if (place.startsWith(ours) && (found !== "" || boundary.test(place))) break;
    if (isAbsolute(place) && !place.startsWith(ours) && !place.includes(`${sep}node_modules${sep}`)) found = place;
  }
  return found;
}

/** `/app/tasks.ts:12:5` of a stack's line; the path may have spaces and brackets. */
function placeOf(line: string): string {
  const [, place = ""] = /^\s*at (?:.*? \()??((?:file:\/\/|\/|[A-Za-z]:\\).*:\d+:\d+)\)?$/.exec(line) ?? [];
  if (!place.startsWith("file://")) return place;
  const [, url = "", at = ""] = /^(.*?)(:\d+:\d+)$/.exec(place) ?? [];
  return fileURLToPath(url) + at;
}

interface Cause {
  readonly captured: { readonly stack?: string };
  readonly by: number;
}

/** What every asynchronous resource of a run was begun by, because callbacks, timers and events forget their callers. */
const causes = new Map<number, Cause>();

/** Remembers causes until the answer is called. */
export function watchCauses(): () => void {
  const hook = createHook({
    init(id) {
      causes.set(id, { captured: capture(), by: executionAsyncId() });
    },
  });
  hook.enable();
  return () => {
    hook.disable();
    causes.clear();
  };
}

/** Forgets what was begun so far. */
export function forgetCauses(): void {
  causes.clear();
}

/** Of what runs just now: `tasks.ts:12:5`; empty where nobody knows. */
export function lineOfTask(): string {
  const here = lineIn(capture().stack ?? "");
  if (here !== "") return here;
  let cause = causes.get(executionAsyncId());
  for (let far = 0; cause !== undefined && far < furthest; far++) {
    const line = lineIn(cause.captured.stack ?? "");
    if (line !== "") return line;
    cause = causes.get(cause.by);
  }
  return "";
}
