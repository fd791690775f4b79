import { TaskmasterError } from "../contract/error.ts";

/** Which of the database's errors pass by themselves, and what those that do not mean for the user. */

/** Thrown where the database could not be reached for as long as the caller was willing to wait. */
export class DatabaseUnavailableError extends TaskmasterError {
  readonly code = "TASKMASTER_DATABASE_UNAVAILABLE";
  /** True where the statement may have been carried out before the connection was lost. */
  readonly uncertain: boolean;

  constructor(message: string, uncertain: boolean, options?: ErrorOptions) {
    super(message, options);
    this.uncertain = uncertain;
  }
}

/** Thrown where the database has no Taskmaster schema, or one that this release cannot use. */
export class SchemaVersionError extends TaskmasterError {
  readonly code = "TASKMASTER_SCHEMA_VERSION";
}

/** Thrown where the address of the database cannot be read, so that nothing was asked of it. */
export class DatabaseAddressError extends TaskmasterError {
  readonly code = "TASKMASTER_DATABASE_ADDRESS";
}

/** SQLSTATEs of trouble that passes: serialization, deadlock, somebody's lock, restart, failover, a full disk and the like (53, 58), lost connections. */
const transientStates = /^(40001|40P01|55P03|57014|57P01|57P02|57P03|25006|53...|58...|08...)$/;

/** Trouble that node reports before or beside the database. */
const transientCodes = new Set([
  "ECONNRESET",
  "ECONNREFUSED",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ENOENT",
]);

const transientMessages =
  /connection (terminated|ended|error)|terminating connection|timeout exceeded|Query read timeout|not queryable|server closed the connection|Client was closed/i;

/** Whether the same statement may be tried again. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  if (error instanceof AggregateError) return error.errors.some(isTransient);
  return transientStates.test(code) || transientCodes.has(code) || transientMessages.test(error.message);
}

/** Whether the database refused before doing anything, so that nothing can have been committed. */
export function isCertainlyUndone(error: unknown): boolean {
  const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
  return /^(40001|40P01|55P03|57014|57P03|25006|53...|ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ENOENT)$/.test(code);
}

/** The error as users should read it: a missing schema is told with the command that makes it. */
export function explain(error: unknown): unknown {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "3F000" || code === "42P01")
    return new SchemaVersionError(
      "This database has no tables of Taskmaster, or lacks the newest ones. Run `npx taskmaster migrate`, or start a worker: it migrates by itself.",
      { cause: error },
    );
  return error;
}
