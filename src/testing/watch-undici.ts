import { copiesOf, replaceMethod } from "./copies.ts";
import { TrackedRun } from "./tracked-run.ts";
import { isReading } from "./watch-http.ts";

/**
 * Requests of the package `undici` as effects (`request`, `fetch`, `stream`, a `Client`, a `Pool` …), at its dispatchers. Its global
 * dispatcher is shared with node's own `fetch`.
 */
interface Options {
  readonly method?: string;
  readonly origin?: unknown;
  readonly path?: string;
}

/** Its callbacks, of which there are two generations. */
type Handler = Record<string, unknown>;
type Dispatch = (this: unknown, options: Options, handler: Handler) => boolean;

/** From the first of these on the request has been carried out, or has failed. */
const answers = new Set([
  "onHeaders",
  "onResponseStart",
  "onUpgrade",
  "onRequestUpgrade",
  "onError",
  "onResponseError",
]);
/** These give the means of giving up. */
const starts = new Set(["onConnect", "onRequestStart"]);

/** Puts the watch on; answers how to take it off. */
export function watchUndici(): () => void {
  const undo = [...dispatchers()].map((prototype) =>
    replaceMethod<Dispatch>(prototype, "dispatch", (original) => {
      return function (this: unknown, options, handler) {
        const run = TrackedRun.current;
        const dispatch = (by: Handler) => TrackedRun.outside(() => original.call(this, options, by));
        if (run === undefined) return original.call(this, options, handler);
        if (isReading(options.method ?? "GET")) return run.dead ? true : dispatch(handler);
        const end = run.begin("http", `${options.method} ${String(options.origin ?? "")}${options.path ?? ""}`);
        return end === undefined ? true : dispatch(watched(handler, end));
      };
    }),
  );
  return () => {
    for (const each of undo) each();
  };
}

/** Where `dispatch` is defined: of the classes of every copy, and of the global dispatchers, which may be mocks. */
function dispatchers(): Set<object> {
  const found = new Set<object>();
  const add = (start: unknown) => {
    let at = start as object | null | undefined;
    while (at && !Object.hasOwn(at, "dispatch")) at = Object.getPrototypeOf(at) as object | null;
    if (at) found.add(at);
  };
  for (const copy of copiesOf("undici"))
    for (const name of ["Client", "Pool", "BalancedPool", "Agent", "ProxyAgent", "RetryAgent", "MockAgent", "MockPool"])
      add((copy[name] as { readonly prototype?: object } | undefined)?.prototype);
  for (const name of ["undici.globalDispatcher.1", "undici.globalDispatcher.2"])
    add((globalThis as Record<symbol, unknown>)[Symbol.for(name)]);
  return found;
}

/** A handler that hears nothing any more once its run is dead. */
function watched(handler: Handler, end: () => boolean): Handler {
  let state: "open" | "heard" | "dead" = "open";
  let giveUp = () => {};
  return new Proxy(handler, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        if (starts.has(String(name))) giveUp = givingUp(args[0]);
        if (state === "open" && answers.has(String(name)) && !isInformational(name, args)) {
          state = end() ? "heard" : "dead";
          if (state === "dead") giveUp();
        }
        return state === "dead" ? true : (value.apply(target, args) as unknown);
      };
    },
  });
}

/** `103 Early Hints` is no answer yet. */
function isInformational(name: string | symbol, args: readonly unknown[]): boolean {
  const status = name === "onHeaders" ? args[0] : name === "onResponseStart" ? args[1] : undefined;
  return typeof status === "number" && status < 200;
}

function givingUp(means: unknown): () => void {
  const abort = typeof means === "function" ? means : (means as { abort?: unknown } | undefined)?.abort;
  return () => {
    if (typeof abort === "function") abort.call(means, new Error("This run was killed."));
  };
}
