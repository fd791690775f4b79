import { TaskmasterError } from "../contract/error.ts";

/** Exit codes: 0 done, 1 what was asked for failed or is not there, 2 the question was wrong. */
export type ExitCode = 0 | 1 | 2;

/** Thrown where a command was called in a way that makes no sense, or a file or name that it needs is not there. */
export class UsageError extends TaskmasterError {
  readonly code = "TASKMASTER_USAGE";
}

/** Thrown where what was asked for is not there or could not be done. */
export class NotDoneError extends TaskmasterError {
  readonly code = "TASKMASTER_NOT_DONE";
}

export function exitCodeOf(error: unknown): ExitCode {
  return error instanceof UsageError ? 2 : 1;
}
