import http from "node:http";
import { replaceMethod } from "./copies.ts";
import { TrackedRun } from "./tracked-run.ts";

/**
 * Requests as effects, by `fetch` and by `node:http` and `node:https`, on which most clients stand; undici's own are watched beside
 * (watch-undici.ts). Reading (GET, HEAD, OPTIONS) is none.
 */
const reading = ["GET", "HEAD", "OPTIONS"];

export function isReading(method: string): boolean {
  return reading.includes(method.toUpperCase());
}

/** Puts the watch on; answers how to take it off. */
export function watchHttp(): () => void {
  const undo = [
    watchFetch(),
    // Connections belong to their agent, and not to who happened to be the first to want one.
    replaceMethod<Call>(http.Agent.prototype, "addRequest", (original) => {
      return function (this: unknown, ...args) {
        return TrackedRun.outside(() => original.apply(this, args));
      };
    }),
    replaceMethod<Call>(http.ClientRequest.prototype, "end", (end) => {
      return function (this: unknown, ...args) {
        const request = this as http.ClientRequest;
        const run = TrackedRun.current;
        if (run === undefined || isReading(request.method) || request.writableEnded) return end.apply(request, args);
        return watchRequest(run, request, () => void end.apply(request, args));
      };
    }),
  ];
  return () => {
    for (const each of undo) each();
  };
}

type Call = (this: unknown, ...args: unknown[]) => unknown;

function watchFetch(): () => void {
  const { fetch } = globalThis;
  globalThis.fetch = (input, init) => {
    const run = TrackedRun.current;
    if (run === undefined) return fetch(input, init);
    const { method, url } = new Request(input instanceof Request ? input.clone() : input, withoutBody(init));
    const perform = () => fetch(input, init);
    return isReading(method)
      ? run.wait(() => TrackedRun.outside(perform))
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

/** The effect begins with the end of what is sent, and ends with the response, which a killed run does not hear of. */
function watchRequest(run: TrackedRun, request: http.ClientRequest, end: () => void): http.ClientRequest {
  const emit = request.emit.bind(request) as (event: string | symbol, ...args: unknown[]) => boolean;
  const what = `${request.method} ${request.protocol}//${request.host}${request.path}`;
  const answered = run.effect("http", what, () => {
    const answer = new Promise<() => void>((resolve) => {
      request.emit = ((event: string | symbol, ...rest: unknown[]) => {
        if (event !== "response" && event !== "error") return run.dead || emit(event, ...rest);
        resolve(() => emit(event, ...rest));
        return true;
      }) as typeof request.emit;
    });
    end();
    return answer;
  });
  void answered.then((tell) => {
    request.emit = emit as typeof request.emit;
    tell();
  });
  return request;
}
