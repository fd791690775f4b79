import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { withLinks } from "../contract/chain.ts";
import { isSchedule, type Schedule } from "../contract/schedule.ts";
import { type AnyTask, isTask } from "../contract/task.ts";
import type { TaskmasterConfig } from "../process/config.ts";
import { UsageError } from "./failure.ts";
import { loadModule } from "./load-module.ts";

/** Where tasks are: named on the command line, in `taskmaster.config.ts`, or by convention. TypeScript is loaded as it stands. */
export interface FoundTasks {
  readonly tasks: readonly AnyTask[];
  readonly schedules: readonly Schedule[];
  readonly files: readonly string[];
  /** The file that exports each task, from the working directory. */
  readonly origins: ReadonlyMap<AnyTask, string>;
  /** The same with the name of the export that is the task, or holds it. */
  readonly exports: ReadonlyMap<AnyTask, { readonly file: string; readonly name: string }>;
  /** For people: the files, and who named them. */
  readonly source: string;
}

const conventions = ["tasks", "src/tasks"];
const endings = [".ts", ".mts", ".js", ".mjs"];
const configNames = endings.map((ending) => `taskmaster.config${ending}`);

export interface FoundConfig extends TaskmasterConfig {
  readonly file?: string;
}

/** The config file of this folder, where there is one. @throws {UsageError} where it cannot be loaded */
export async function loadConfig(): Promise<FoundConfig> {
  const file = configNames.find((name) => existsSync(name));
  if (file === undefined) return {};
  const module = await loadModule(resolve(file));
  const config: unknown = "default" in module ? module.default : module;
  if (typeof config !== "object" || config === null)
    throw new UsageError(`${file} exports no config. Write: export default defineConfig({ tasks: "src/tasks" }).`);
  return { ...config, file };
}

/** @throws {UsageError} where files are named that are not there, or one cannot be loaded */
export async function findTasks(named: readonly string[], config: FoundConfig): Promise<FoundTasks> {
  const configured = typeof config.tasks === "string" ? [config.tasks] : config.tasks;
  const [paths, by] =
    named.length > 0
      ? [named, "named"]
      : configured !== undefined
        ? [configured, `by ${config.file}`]
        : [
            conventions
              .flatMap((path) => [path, ...endings.map((ending) => `${path}${ending}`)])
              .filter((path) => existsSync(path)),
            "by convention",
          ];
  const files = [...new Set(paths.flatMap(expand))];
  const modules = await Promise.all(files.map(loadModule));
  const shown = files.map((file) => relative(process.cwd(), file));
  const exported = modules.map((module) => Object.values(module).flatMap(within));
  const values = exported.flat();
  const origins = exported.flatMap((all, index) =>
    all.filter(isTask).map((task): [AnyTask, string] => [task, shown[index] ?? ""]),
  );
  return {
    tasks: [...new Set(values.filter(isTask))],
    schedules: [...new Set(values.filter(isSchedule))],
    files,
    origins: new Map(origins.reverse()),
    exports: new Map(
      modules.flatMap((module, index) =>
        Object.entries(module).flatMap(([name, value]) =>
          within(value)
            .filter(isTask)
            .map((task) => [task, { file: shown[index] ?? "", name }] as const),
        ),
      ),
    ),
    source:
      files.length === 0
        ? "no tasks found (tasks.ts, src/tasks.ts, tasks/, src/tasks/)"
        : `tasks: ${inShort(shown)} (${by})`,
  };
}

/** The first of many files, and how many more there are: the line is for a glance. */
function inShort(files: readonly string[]): string {
  const most = 5;
  if (files.length <= most + 1) return files.join(", ");
  return `${files.slice(0, most).join(", ")} and ${files.length - most} more`;
}

/** An exported value, and what stands directly in an exported list or object. */
function within(value: unknown): unknown[] {
  if (isTask(value)) return withLinks([value]);
  if (isSchedule(value)) return [value];
  if (Array.isArray(value)) return value;
  return typeof value === "object" && value !== null ? Object.values(value) : [];
}

/** The files of a path: a file, all of a folder, or those that match a name with `*` in it. */
function expand(path: string): string[] {
  const full = resolve(path);
  if (basename(path).includes("*")) {
    const pattern = new RegExp(
      `^${basename(path)
        .replace(/[.+?^${}()|[\]\\]/g, "\\$&")
        .replaceAll("*", ".*")}$`,
    );
    const folder = dirname(full);
    const matching = existsSync(folder) ? readdirSync(folder).filter((name) => pattern.test(name) && isCode(name)) : [];
    if (matching.length === 0) throw new UsageError(`No file matches ${path}.`);
    return matching.sort().map((name) => join(folder, name));
  }
  if (!existsSync(full))
    throw new UsageError(
      `There is no file or folder ${path}. Name the file that exports your tasks: --tasks src/tasks.ts`,
    );
  if (!statSync(full).isDirectory()) return [full];
  return readdirSync(full)
    .filter(isCode)
    .sort()
    .map((name) => join(full, name));
}

function isCode(name: string): boolean {
  return endings.some((ending) => name.endsWith(ending)) && !name.endsWith(".d.ts") && !/\.(test|spec)\./.test(name);
}
