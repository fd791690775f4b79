import { never, type TrackedRun } from "./tracked-run.ts";

type Call = (...args: unknown[]) => Promise<unknown>;
type Iterate = (...args: unknown[]) => AsyncIterableIterator<unknown>;

/** A task's context as a tracked run sees it: its calls are spans of the run, and stay pending once it is dead. */
export function watchedContext(context: unknown, run: TrackedRun): unknown {
  return new Proxy(context as object, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      if (name === "step") return withTransactions(waiting(value as Call, run), value, run);
      if (name === "each") return withTransactions(iterating(value as Iterate, run), value, run);
      return ["sleep", "waitFor", "commit", "enqueue"].includes(String(name)) ? waiting(value as Call, run) : value;
    },
  });
}

function waiting(call: Call, run: TrackedRun): Call {
  return (...args) => run.wait(() => call(...args));
}

function withTransactions(call: unknown, original: object, run: TrackedRun): unknown {
  const { tx } = original as { readonly tx?: Call };
  if (tx === undefined) return call;
  const watched: Call = (...args) => {
    run.goesThrough(String(args[0]), args[1]); // of each.tx; a step's has no list
    return waiting(tx, run)(...args);
  };
  return Object.assign(call as object, { tx: watched });
}

function iterating(iterate: Iterate, run: TrackedRun): Iterate {
  return (...args) => {
    run.goesThrough(String(args[0]), args[1]);
    const items = iterate(...args);
    const watched: AsyncIterableIterator<unknown> = {
      next: () => (run.dead ? never() : items.next()),
      return: async () => (run.dead ? never() : (items.return?.() ?? { done: true, value: undefined })),
      [Symbol.asyncIterator]: () => watched,
    };
    return watched;
  };
}
