import { TaskmasterError } from "../contract/error.ts";
import type { JsonSchema } from "../contract/json-schema.ts";

/** `taskmaster.lock.json`: what every task promises, as data that is committed and reviewed. */
export interface Lockfile {
  /** The version of this format. */
  readonly lockfile: 1;
  /** The schema libraries that rendered the schemas, and their versions. */
  readonly libraries: Readonly<Record<string, string>>;
  readonly tasks: Readonly<Record<string, LockedTask>>;
  /** Breaking changes that somebody took on, with the reason. */
  readonly accepted?: readonly Acceptance[];
}

export interface LockedTask {
  /** Absent where only the contract is known, without a function. */
  readonly kind?: "short" | "interruptible";
  readonly queue: string;
  /** Of a short task. */
  readonly timeLimitMs?: number;
  readonly afterCrash?: "hold" | "retry";
  readonly attempts?: number;
  /** Names that it had before. */
  readonly formerly?: readonly string[];
  readonly retired?: true;
  /** The schema library. */
  readonly library: string;
  /** By number; ascending, without gaps. */
  readonly revisions: Readonly<Record<string, LockedRevision>>;
}

export interface LockedRevision {
  /** Whether it can be written for the workers of the revision before. */
  readonly downgrade?: true;
  readonly schema: JsonSchema;
}

/** A breaking change that is let through. */
export interface Acceptance {
  readonly task: string;
  readonly rule: string;
  readonly reason: string;
}

export const lockfileName = "taskmaster.lock.json";

export const emptyLockfile: Lockfile = { lockfile: 1, libraries: {}, tasks: {} };

/** Thrown where a lockfile cannot be read as one. */
export class LockfileError extends TaskmasterError {
  readonly code = "TASKMASTER_LOCKFILE";
}

/**
 * @param where for the error, such as `taskmaster.lock.json of origin/main`
 * @throws {LockfileError}
 */
export function parseLockfile(text: string, where: string): Lockfile {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch (error) {
    const what = /^(<{7}|={7}|>{7})/m.test(text)
      ? "It holds the marks of a merge conflict. Take either side, then write it anew: npx taskmaster check --write"
      : anew;
    throw new LockfileError(`${where} is no JSON: ${error instanceof Error ? error.message : String(error)}. ${what}`, {
      cause: error,
    });
  }
  if (!isObject(found) || found.lockfile !== 1)
    throw new LockfileError(
      `${where} is no lockfile of this version of Taskmaster (it should begin with "lockfile": 1). ${anew}`,
    );
  const { tasks, libraries, accepted = [] } = found;
  const broken =
    !isObject(tasks) || !isObject(libraries) || !Array.isArray(accepted)
      ? "its parts are not there"
      : Object.entries(tasks).flatMap(([name, task]) => (isLockedTask(task) ? [] : [`${name} cannot be read`]))[0];
  if (broken !== undefined) throw new LockfileError(`${where} was changed by hand: ${broken}. ${anew}`);
  return found as unknown as Lockfile;
}

/** What to do with a file that cannot be read: nothing is written over it, because it may be the only record of what was released. */
const anew = `Restore it: git checkout -- ${lockfileName}. Or delete it and write it anew: rm ${lockfileName} && npx taskmaster check --write`;

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isLockedTask(task: unknown): boolean {
  if (!isObject(task) || typeof task.queue !== "string" || !isObject(task.revisions)) return false;
  const numbers = Object.keys(task.revisions).map(Number);
  const ascending = numbers.every((number, index) => Number.isInteger(number) && number === (numbers[0] ?? 0) + index);
  return numbers.length > 0 && ascending && Object.values(task.revisions).every(isLockedRevision);
}

function isLockedRevision(revision: unknown): boolean {
  return isObject(revision) && (isObject(revision.schema) || typeof revision.schema === "boolean");
}

/** The revision that a locked task writes. */
export function lastRevision(task: LockedTask): number {
  return Number(Object.keys(task.revisions).at(-1) ?? 0);
}

/** The oldest revision that a locked task reads. */
export function firstRevision(task: LockedTask): number {
  return Number(Object.keys(task.revisions)[0] ?? 0);
}
