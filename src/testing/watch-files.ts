import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { TrackedRun } from "./tracked-run.ts";

/** Calls that change files, as effects: those of `node:fs/promises` and the synchronous ones of `node:fs`. */
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
];

type Call = (...args: unknown[]) => unknown;

/** Puts the watch on; answers how to take it off. */
export function watchFiles(): () => void {
  const promises = fs.promises as unknown as Record<string, Call>;
  const sync = fs as unknown as Record<string, Call>;
  const undo = changes.flatMap((name) => [
    replace(promises, name, (original) => (...args) => {
      const run = TrackedRun.current;
      const perform = () => original(...args) as Promise<unknown>;
      return run ? run.effect("file", `${name} ${String(args[0])}`, perform) : perform();
    }),
    replace(sync, `${name}Sync`, (original) => (...args) => {
      const run = TrackedRun.current;
      return run ? run.effectSync("file", `${name} ${String(args[0])}`, () => original(...args)) : original(...args);
    }),
  ]);
  syncBuiltinESMExports();
  return () => {
    for (const each of undo) each();
    syncBuiltinESMExports();
  };
}

function replace(place: Record<string, Call>, name: string, by: (original: Call) => Call): () => void {
  const original = place[name];
  if (original === undefined) return () => {};
  place[name] = by(original);
  return () => {
    place[name] = original;
  };
}
