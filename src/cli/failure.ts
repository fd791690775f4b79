import { TaskmasterError } from "../contract/error.ts";
import { DatabaseAddressError } from "../engine/database-errors.ts";

/** Exit codes: 0 done, 1 what was asked for failed or is not there, 2 the question was wrong. */
export type ExitCode = 0 | 1 | 2;

/** Exit code where a deploy is not safe: it was given up, or something starts before its hold ends. */
export const blockedExitCode = 3;

/** Thrown where a command was called in a way that makes no sense, or a file or name that it needs is not there. */
export class UsageError extends TaskmasterError {
  readonly code = "TASKMASTER_USAGE";
}

/** Thrown where what was asked for is not there or could not be done. */
export class NotDoneError extends TaskmasterError {
  readonly code = "TASKMASTER_NOT_DONE";
}

/** Thrown where a check could not come to an answer; a failed check must not read as a clean one, nor as a finding. */
export class CouldNotCheckError extends TaskmasterError {
  readonly code = "TASKMASTER_COULD_NOT_CHECK";
}

export function exitCodeOf(error: unknown): ExitCode {
  const isWrong =
    error instanceof UsageError || error instanceof CouldNotCheckError || error instanceof DatabaseAddressError;
  return isWrong ? 2 : 1;
}
