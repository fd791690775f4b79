import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { BuildFailure, BuildOptions, BuildResult, Loader, Plugin, TransformOptions } from "esbuild";
import { TaskmasterError } from "../contract/error.ts";

/**
 * A fingerprint of the code that a task can reach: its export bundled, with all that it does not use left out, and the versions of the packages that it
 * imports, with theirs. Two fingerprints are the same exactly where the bundle is; names of files, comments and white space do not count.
 */

/** Thrown where the module graph cannot be drawn. */
class ModuleGraphError extends TaskmasterError {
  readonly code = "TASKMASTER_MODULE_GRAPH";
}

export interface ExportedTask {
  readonly task: string;
  /** From the folder. */
  readonly file: string;
  /** The name of the export that is the task, or holds it. */
  readonly name: string;
}

interface Esbuild {
  build(
    options: BuildOptions & { write: false; metafile: true },
  ): Promise<BuildResult<{ write: false; metafile: true }>>;
  transform(text: string, options: TransformOptions): Promise<{ readonly code: string }>;
}

/**
 * By task. A task whose file or export is not in that folder has none.
 *
 * @throws {ModuleGraphError} where esbuild is not installed, or something cannot be bundled
 */
export async function fingerprints(folder: string, tasks: readonly ExportedTask[]): Promise<Map<string, string>> {
  const esbuild = await loadEsbuild();
  const versions = lockedVersions(folder);
  let present = tasks.filter(({ file }) => existsSync(join(folder, file)));
  for (;;) {
    const built = await bundle(esbuild, folder, present);
    if (!Array.isArray(built)) return new Map(fingerprinted(built, present, versions));
    present = present.filter((_, index) => !built.includes(index)); // exports that are not there
  }
}

async function loadEsbuild(): Promise<Esbuild> {
  try {
    return (await import("esbuild")) as Esbuild;
  } catch (error) {
    throw new ModuleGraphError(
      "Which code a task can reach is found out with esbuild, which is not installed: npm install --save-dev esbuild",
      { cause: error },
    );
  }
}

/** Answers with the bundles, or with the places of the tasks whose export is not there. */
async function bundle(esbuild: Esbuild, folder: string, tasks: readonly ExportedTask[]) {
  try {
    return await esbuild.build({
      absWorkingDir: folder,
      entryPoints: tasks.map((_, index) => ({ in: `task:${index}`, out: String(index) })),
      plugins: [entries(folder, tasks), separated(esbuild, folder, tasks)],
      bundle: true,
      platform: "node",
      format: "esm",
      packages: "external",
      minifyWhitespace: true,
      legalComments: "none",
      treeShaking: true,
      outdir: "out",
      write: false,
      metafile: true,
      logLevel: "silent",
    });
  } catch (error) {
    const { errors = [] } = error as Partial<BuildFailure>;
    const missing = errors
      .filter(({ text }) => text.startsWith("No matching export"))
      .map(({ location }) => Number(/^task:(\d+)$/.exec(location?.file ?? "")?.[1]))
      .filter(Number.isInteger);
    if (missing.length > 0 && missing.length === errors.length) return missing;
    const [first] = errors;
    throw new ModuleGraphError(
      `The code of the tasks in ${folder} could not be followed: ${first ? `${first.location?.file ?? ""}: ${first.text}` : String(error)}`,
      { cause: error },
    );
  }
}

/** One entry a task, which re-exports it alone. */
function entries(folder: string, tasks: readonly ExportedTask[]): Plugin {
  return {
    name: "tasks",
    setup(build) {
      build.onResolve({ filter: /^task:/ }, ({ path }) => ({ path: path.slice("task:".length), namespace: "task" }));
      build.onLoad({ filter: /.*/, namespace: "task" }, ({ path }) => {
        const { name, file } = tasks[Number(path)] as ExportedTask;
        return { contents: `export { ${name} } from ${JSON.stringify(`./${file}`)}`, resolveDir: folder, loader: "js" };
      });
    },
  };
}

/**
 * Lets a task's bundle leave out the other tasks of its file. They are calls, and a bundler must keep calls whose result nobody uses; that defining a task
 * does nothing else, we know.
 */
function separated(esbuild: Esbuild, folder: string, tasks: readonly ExportedTask[]): Plugin {
  const namesIn = new Map<string, Set<string>>();
  for (const { file, name } of tasks) {
    const path = resolve(folder, file);
    namesIn.set(path, (namesIn.get(path) ?? new Set()).add(name));
  }
  return {
    name: "separated",
    setup(build) {
      build.onLoad({ filter: /\.[cm]?[jt]sx?$/, namespace: "file" }, async ({ path }) => {
        const names = namesIn.get(path);
        if (names === undefined) return undefined;
        const loader = (/[jt]sx?$/.exec(path)?.[0] ?? "js") as Loader;
        const { code } = await esbuild.transform(readFileSync(path, "utf8"), {
          loader,
          format: "esm",
          target: "esnext",
        });
        return { contents: markPure(code, names), loader: "js" };
      });
    },
  };
}

/** esbuild prints a statement from the beginning of a line to the first `;` at the end of a line that is not indented. */
function markPure(code: string, names: ReadonlySet<string>): string {
  const lines = code.split("\n");
  const marked: string[] = [];
  for (let at = 0; at < lines.length; at++) {
    const [whole, start = "", name = ""] = /^((?:export )?(?:const|let|var) ([\w$]+) = )/.exec(lines[at] ?? "") ?? [];
    const length = lines.slice(at).findIndex((line, index) => line.endsWith(";") && (index === 0 || /^\S/.test(line)));
    const statement = lines.slice(at, at + length + 1).join("\n");
    if (
      whole === undefined ||
      !(names.has(name) || /\btask\(/.test(statement)) ||
      length < 0 ||
      /\bawait\b/.test(statement)
    ) {
      marked.push(lines[at] ?? "");
      continue;
    }
    marked.push(`${start}/* @__PURE__ */ (() => ${statement.slice(start.length, -1)})();`);
    at += length;
  }
  return marked.join("\n");
}

function* fingerprinted(
  { outputFiles, metafile }: BuildResult<{ write: false; metafile: true }>,
  tasks: readonly ExportedTask[],
  versions: (names: readonly string[]) => string,
): Generator<[string, string]> {
  for (const [path, { imports }] of Object.entries(metafile.outputs)) {
    const index = Number(/(\d+)\.js$/.exec(path)?.[1]);
    const task = tasks[index]?.task;
    const text = outputFiles.find((file) => file.path.endsWith(`/${index}.js`))?.text;
    if (task === undefined || text === undefined) continue;
    const packages = [
      ...new Set(imports.filter(({ external }) => external).map((each) => packageOf(each.path))),
    ].sort();
    yield [task, createHash("sha256").update(text).update(versions(packages)).digest("hex").slice(0, 16)];
  }
}

/** `@scope/name/sub` is of `@scope/name`. */
function packageOf(path: string): string {
  return path
    .split("/")
    .slice(0, path.startsWith("@") ? 2 : 1)
    .join("/");
}

interface NpmLock {
  readonly packages?: Readonly<
    Record<string, { readonly version?: string; readonly dependencies?: Readonly<Record<string, string>> }>
  >;
}

/** The versions of packages and of all that they depend on, as text: by npm's lockfile; else any other lockfile as a whole. */
function lockedVersions(folder: string): (names: readonly string[]) => string {
  const file = join(folder, "package-lock.json");
  if (!existsSync(file)) {
    const other = ["pnpm-lock.yaml", "yarn.lock", "bun.lock"].find((name) => existsSync(join(folder, name)));
    const whole = other === undefined ? "" : readFileSync(join(folder, other), "utf8");
    return (names) => (names.some((name) => !name.startsWith("node:")) ? whole : "");
  }
  const { packages = {} } = JSON.parse(readFileSync(file, "utf8")) as NpmLock;
  return (names) => {
    const seen = new Map<string, string>();
    const visit = (name: string) => {
      const locked = packages[`node_modules/${name}`];
      if (locked === undefined || seen.has(name)) return;
      seen.set(name, locked.version ?? "");
      for (const dependency of Object.keys(locked.dependencies ?? {})) visit(dependency);
    };
    for (const name of names) visit(name);
    return [...seen].sort().join("\n");
  };
}
