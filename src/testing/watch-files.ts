import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { replaceMethod } from "./copies.ts";
import { lineOfTask } from "./lines.ts";
import { TrackedRun } from "./tracked-run.ts";

/**
 * Changes of files as effects: by `node:fs/promises`, by `node:fs` with callbacks and synchronously, by file handles and by write streams,
 * of which the first write counts. An `open` counts where it empties or creates the file.
 */
const changes = [
  "appendFile",
  "writeFile",
  "rename",
  "rm",
  "unlink",
  "rmdir",
  "mkdir",
  "copyFile",
  "cp",
  "symlink",
  "link",
  "truncate",
  "ftruncate",
  "write",
  "writev",
  "open",
];
const changesOfHandles = ["appendFile", "writeFile", "truncate", "write", "writev"];

type Call = (this: unknown, ...args: unknown[]) => unknown;
type Callback = (...args: unknown[]) => void;

/** Puts the watch on; answers how to take it off. */
export async function watchFiles(): Promise<() => void> {
  const undo = changes.flatMap((name) => [
    replaceMethod<Call>(fs.promises, name, (original) => promising(name, original)),
    replaceMethod<Call>(fs, name, (original) => callingBack(name, original)),
    replaceMethod<Call>(fs, `${name}Sync`, (original) => {
      return function (this: unknown, ...args) {
        const run = TrackedRun.current;
        const perform = () => original.apply(this, args);
        return run && isChange(name, args) ? run.effectSync("file", textOf(name, args), perform) : perform();
      };
    }),
  ]);
  const handles = await handlePrototype();
  undo.push(
    ...changesOfHandles.map((name) => replaceMethod<Call>(handles, name, (original) => promising(name, original))),
    ...["_write", "_writev"].map((name) => replaceMethod<Call>(fs.WriteStream.prototype, name, streaming)),
    ...["write", "end"].map((name) => replaceMethod<Call>(fs.WriteStream.prototype, name, noting)),
  );
  syncBuiltinESMExports();
  return () => {
    for (const each of undo) each();
    syncBuiltinESMExports();
  };
}

/** The class of file handles is not exported. */
async function handlePrototype(): Promise<object> {
  const handle = await fs.promises.open(process.execPath, "r");
  await handle.close();
  return Object.getPrototypeOf(handle) as object;
}

function promising(name: string, original: Call): Call {
  return function (this: unknown, ...args) {
    const run = TrackedRun.current;
    const perform = () => original.apply(this, args) as Promise<unknown>;
    return run && isChange(name, args) ? run.effect("file", textOf(name, args), perform) : perform();
  };
}

function callingBack(name: string, original: Call): Call {
  return function (this: unknown, ...args) {
    const run = TrackedRun.current;
    const callback = args.at(-1);
    if (run === undefined || typeof callback !== "function" || !isChange(name, args)) return original.apply(this, args);
    const end = run.begin("file", textOf(name, args));
    if (end === undefined) return undefined;
    const heard = run.bind((...results: unknown[]) => {
      if (end()) (callback as Callback)(...results);
    });
    return TrackedRun.outside(() => original.apply(this, [...args.slice(0, -1), heard]));
  };
}

/** Where the task first wrote to a stream, which buffers it. */
const firstLines = new WeakMap<object, string>();

function noting(original: Call): Call {
  return function (this: unknown, ...args) {
    const stream = this as fs.WriteStream;
    if (TrackedRun.current && !firstLines.has(stream)) firstLines.set(stream, lineOfTask());
    return original.apply(stream, args);
  };
}

const begun = new WeakSet<object>();

/** How much of a stream is written at a time is chance, so that only its first write is an effect; nothing of a dead run is written. */
function streaming(original: Call): Call {
  return function (this: unknown, ...args) {
    const stream = this as fs.WriteStream;
    const run = TrackedRun.current;
    if (run === undefined) return original.apply(stream, args);
    if (begun.has(stream)) return run.dead ? undefined : TrackedRun.outside(() => original.apply(stream, args));
    begun.add(stream);
    const callback = args.at(-1) as Callback;
    const end = run.begin("file", textOf("write stream", [stream.path]), firstLines.get(stream));
    if (end === undefined) return undefined;
    const heard = run.bind((...results: unknown[]) => {
      if (end()) callback(...results);
    });
    return TrackedRun.outside(() => original.apply(stream, [...args.slice(0, -1), heard]));
  };
}

function isChange(name: string, args: readonly unknown[]): boolean {
  if (name !== "open") return true;
  const [, flags = "r"] = args;
  return typeof flags === "number"
    ? (flags & (fs.constants.O_TRUNC | fs.constants.O_CREAT)) !== 0
    : /[wa]/.test(String(flags));
}

function textOf(name: string, args: readonly unknown[]): string {
  const paths = name === "rename" || name === "copyFile" || name === "cp" ? args.slice(0, 2) : args.slice(0, 1);
  return [
    name,
    ...paths.map((path) => (typeof path === "string" || path instanceof URL ? String(path) : "a file")),
  ].join(" ");
}
