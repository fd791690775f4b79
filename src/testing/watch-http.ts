import { TrackedRun } from "./tracked-run.ts";

/** Requests of `fetch` as effects. Reading (GET, HEAD, OPTIONS) is none. Puts the watch on; answers how to take it off. */
export function watchHttp(): () => void {
  const { fetch } = globalThis;
  globalThis.fetch = (input, init) => {
    const run = TrackedRun.current;
    if (run === undefined) return fetch(input, init);
    const { method, url } = new Request(input instanceof Request ? input.clone() : input, withoutBody(init));
    const perform = () => fetch(input, init);
    return ["GET", "HEAD", "OPTIONS"].includes(method)
      ? run.wait(perform)
      : run.effect("http", `${method} ${url}`, perform);
  };
  return () => {
    globalThis.fetch = fetch;
  };
}

/** A body can be read once, and that is for the request itself. */
function withoutBody(init: RequestInit | undefined): RequestInit {
  return init?.method === undefined ? {} : { method: init.method };
}
