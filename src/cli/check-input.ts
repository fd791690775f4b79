import { existsSync, readFileSync } from "node:fs";
import type { CheckOptions } from "../check/check.ts";
import { lockfileAt } from "../check/git.ts";
import { type Location, locator } from "../check/location.ts";
import { emptyLockfile, lockfileName, parseLockfile } from "../check/lockfile.ts";
import { type GlobalOptions, say, tasksOf } from "./context.ts";
import { CouldNotCheckError, UsageError } from "./failure.ts";
import { interpretValidators } from "./interpreted-validators.ts";

/** What `check` and `plan` look at: the code's tasks, the lockfile beside them, and what both are compared with. */
export interface CheckInput {
  readonly options: CheckOptions;
  /** Whether there is anything to compare with. */
  readonly comparable: boolean;
  readonly at: (task: string) => Location;
}

export interface InputFlags extends GlobalOptions {
  readonly base?: string;
}

export const nothingToCompareWith = `There is no ${lockfileName} yet, so there is nothing to compare with. Write it and commit it: npx taskmaster check --write`;

/**
 * @param compiled whether validators will be asked so often that compiling them is worth it
 * @param mayBeEmpty whether there is something else to check than tasks
 */
export async function checkInput(
  flags: InputFlags,
  files: readonly string[],
  { compiled, mayBeEmpty = false }: { readonly compiled: boolean; readonly mayBeEmpty?: boolean },
): Promise<CheckInput> {
  if (!compiled) interpretValidators();
  const { found } = await tasksOf(flags, files);
  say(found.source);
  const present = existsSync(lockfileName)
    ? parseLockfile(readFileSync(lockfileName, "utf8"), lockfileName)
    : undefined;
  if (!mayBeEmpty && found.tasks.length === 0 && Object.keys(present?.tasks ?? {}).length === 0)
    throw new CouldNotCheckError(
      "No tasks were found. Name the file that exports them: npx taskmaster check src/tasks.ts",
    );
  const base = flags.base === undefined ? undefined : lockfileAt(flags.base, process.cwd());
  if (base?.present === false) say(`${flags.base} has no ${lockfileName} yet: every task counts as new.`);
  const origins = new Map([...found.origins].map(([task, file]) => [task.name, file]));
  return {
    options: {
      tasks: found.tasks,
      schedules: found.schedules,
      base: base?.lockfile ?? present ?? emptyLockfile,
      present,
    },
    comparable: (base ?? present) !== undefined,
    at: locator(origins, lockfileName),
  };
}

/** @throws {CouldNotCheckError} for whatever went wrong, but a command that was called wrongly */
export async function orCouldNotCheck(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof UsageError || error instanceof CouldNotCheckError) throw error;
    throw new CouldNotCheckError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
