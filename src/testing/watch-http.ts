import http from "node:http";
import https from "node:https";
import { syncBuiltinESMExports } from "node:module";
import { TrackedRun } from "./tracked-run.ts";

/**
 * Requests as effects, by `fetch` and by `node:http` and `node:https`, on which most clients stand. Reading (GET, HEAD, OPTIONS) is none.
 */
const reading = ["GET", "HEAD", "OPTIONS"];

/** Puts the watch on; answers how to take it off. */
export function watchHttp(): () => void {
  const undo = [watchFetch(), watchRequests(http), watchRequests(https)];
  syncBuiltinESMExports();
  return () => {
    for (const each of undo) each();
    syncBuiltinESMExports();
  };
}

function watchFetch(): () => void {
  const { fetch } = globalThis;
  globalThis.fetch = (input, init) => {
    const run = TrackedRun.current;
    if (run === undefined) return fetch(input, init);
    const { method, url } = new Request(input instanceof Request ? input.clone() : input, withoutBody(init));
    const perform = () => fetch(input, init);
    return reading.includes(method) ? run.wait(perform) : run.effect("http", `${method} ${url}`, perform);
  };
  return () => {
    globalThis.fetch = fetch;
  };
}

/** A body can be read once, and that is for the request itself. */
function withoutBody(init: RequestInit | undefined): RequestInit {
  return init?.method === undefined ? {} : { method: init.method };
}

type MakeRequest = (...args: unknown[]) => http.ClientRequest;

function watchRequests(module: { request: unknown }): () => void {
  const original = module.request as MakeRequest;
  module.request = ((...args: unknown[]) => {
    const run = TrackedRun.current;
    const request = TrackedRun.outside(() => original(...args));
    if (run && !reading.includes(request.method)) watchRequest(run, request);
    return request;
  }) satisfies MakeRequest;
  return () => {
    module.request = original;
  };
}

/** The effect begins with the end of what is sent, and ends with the response, which a killed run does not hear of. */
function watchRequest(run: TrackedRun, request: http.ClientRequest): void {
  const emit = request.emit.bind(request) as (event: string | symbol, ...args: unknown[]) => boolean;
  const end = request.end.bind(request) as (...args: unknown[]) => http.ClientRequest;
  const what = `${request.method} ${request.protocol}//${request.host}${request.path}`;
  request.end = ((...args: unknown[]) => {
    const answered = run.effect("http", what, () => {
      const answer = new Promise<() => void>((resolve) => {
        request.emit = ((event: string | symbol, ...rest: unknown[]) => {
          if (event !== "response" && event !== "error") return run.dead || emit(event, ...rest);
          resolve(() => emit(event, ...rest));
          return true;
        }) as typeof request.emit;
      });
      end(...args);
      return answer;
    });
    void answered.then((tell) => {
      request.emit = emit as typeof request.emit;
      tell();
    });
    return request;
  }) as typeof request.end;
}
