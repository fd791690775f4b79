import pc from "picocolors";
import type { Database } from "../engine/database.ts";
import type { LocatedDatabase } from "../process/locate.ts";
import { NotDoneError } from "./failure.ts";
import { type FoundConfig, type FoundTasks, findTasks, loadConfig } from "./find-tasks.ts";

/** What every command begins with: the config, the tasks, the database, and a line that says which. */

export interface GlobalOptions {
  readonly database?: string;
  readonly tasks?: readonly string[];
  readonly json?: boolean;
}

/** Says on standard error where things come from; standard output belongs to the answer. */
export function say(line: string): void {
  process.stderr.write(`${pc.dim(line)}\n`);
}

export async function tasksOf(
  { tasks = [] }: GlobalOptions,
  files: readonly string[] = [],
): Promise<{ config: FoundConfig; found: FoundTasks }> {
  const config = await loadConfig();
  return { config, found: await findTasks([...files, ...tasks], config) };
}

/** The address of the database: by option, by config, by DATABASE_URL, else undefined for the embedded one. */
export function databaseUrl({ database }: GlobalOptions, config: FoundConfig): string | undefined {
  return database ?? config.database;
}

/** Opens the database for a question, and closes it whatever happens. */
export async function withDatabase<T>(
  options: GlobalOptions,
  ask: (database: Database, located: LocatedDatabase) => Promise<T>,
  requireSchema = true,
): Promise<T> {
  // Loaded where it is asked for: not every command needs a database.
  const [{ Database }, { presentVersion }, { locateDatabase }] = await Promise.all([
    import("../engine/database.ts"),
    import("../engine/migrate.ts"),
    import("../process/locate.ts"),
  ]);
  const located = await locateDatabase(databaseUrl(options, await loadConfig()));
  const database = new Database({
    url: located.url,
    purpose: "report",
    applicationName: "taskmaster cli",
    connections: 3,
  });
  try {
    say(`database: ${located.where}`);
    if (requireSchema && (await presentVersion(database)) === 0)
      throw new NotDoneError("This database has no tables of Taskmaster yet. Make them with: npx taskmaster migrate");
    return await ask(database, located);
  } finally {
    await database.end();
    await located.leave();
  }
}
