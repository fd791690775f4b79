import { Taskmaster } from "../client/taskmaster.ts";
import { TrackedRun } from "./tracked-run.ts";

/** Enqueues and signals of a task's own `Taskmaster`, as effects; those in a transaction are part of it. Puts the watch on; answers how to take it off. */
export function watchEnqueues(): () => void {
  const prototype = Taskmaster.prototype as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
  const undo = ["enqueue", "enqueueMany", "signal"].map((name) => {
    const original = prototype[name];
    if (original === undefined) return () => {};
    prototype[name] = function (this: unknown, ...args: unknown[]) {
      const run = TrackedRun.current;
      const options = args[2] as { readonly within?: unknown } | undefined;
      const perform = () => original.apply(this, args);
      if (run === undefined || options?.within !== undefined) return perform();
      const [first] = args;
      const what = typeof first === "string" ? first : String((first as { name?: unknown } | undefined)?.name);
      return run.effect("enqueue", `${name} ${what}`, perform);
    };
    return () => {
      prototype[name] = original;
    };
  });
  return () => {
    for (const each of undo) each();
  };
}
