import { createHook, executionAsyncId } from "node:async_hooks";
import { isAbsolute, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { placeIn, SourceText } from "./source-text.ts";

/** Lines of a task's source, found by the stack: of what runs just now, or of what it was begun by. */

/** This package's own code: src/ or dist/. */
const ours = fileURLToPath(new URL("..", import.meta.url));

/** What calls a task: beyond it stands who has called us. */
const boundary = /(worker.attempt|testing.(stepping-worker|hand|proof|killed-process))\.[jt]s:/;

const deepest = 100;
/** Causes of causes that are looked at. */
const furthest = 500;
/** The same where something is known already. */
const nearby = 20;

/** A stack, not yet written out: that is the dear part of it. */
function capture(): { readonly stack?: string } {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = deepest;
  const captured = new Error();
  Error.stackTraceLimit = stackTraceLimit;
  return captured;
}

interface Found {
  /** Behind our own frames, among what is neither ours nor a library's; the innermost first. */
  readonly places: readonly string[];
  /** Whether the outermost of them is the task's function, and not a callback that has forgotten its caller. */
  readonly whole: boolean;
}

function placesIn(stack: string): Found {
  const places: string[] = [];
  for (const line of stack.split("\n").slice(1)) {
    const place = placeOf(line);
    if (place.startsWith(ours) && (places.length > 0 || boundary.test(place)))
      return { places, whole: places.length > 0 };
    if (isAbsolute(place) && !place.startsWith(ours) && !place.includes(`${sep}node_modules${sep}`)) places.push(place);
  }
  return { places, whole: false };
}

/**
 * The outermost of them, because what the task calls is its doing; not where it only passes its arguments on, nor where a callback within the same
 * statement tells more.
 */
function lineAmong(places: readonly string[]): string {
  let at = places.length - 1;
  for (; at > 0; at--) {
    const [outer, inner] = [placeIn(places[at] ?? ""), placeIn(places[at - 1] ?? "")];
    const source = outer && SourceText.of(outer.file);
    if (!outer || !inner || !source) break;
    const isWithin =
      inner.file === outer.file && inner.line > outer.line && inner.line <= source.endOfStatement(outer.line);
    if (!isWithin && !source.isForwarding(outer)) break;
  }
  return places[at] ?? "";
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
    SourceText.forget();
    causes.clear();
  };
}

/** Forgets what was begun so far. */
export function forgetCauses(): void {
  causes.clear();
}

/** Of what runs just now: `tasks.ts:12:5`; empty where nobody knows. */
export function lineOfTask(): string {
  const here = placesIn(capture().stack ?? "");
  if (here.whole) return lineAmong(here.places);
  const places = [...here.places];
  let nearest = here.places;
  let cause = causes.get(executionAsyncId());
  for (let far = 0; cause !== undefined && far < (here.places.length > 0 ? nearby : furthest); far++) {
    const begun = placesIn(cause.captured.stack ?? "");
    places.push(...begun.places);
    if (begun.whole) return lineAmong(places);
    if (nearest.length === 0) nearest = begun.places;
    cause = causes.get(cause.by);
  }
  return lineAmong(nearest);
}
