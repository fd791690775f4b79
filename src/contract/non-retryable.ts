const mark: unique symbol = Symbol.for("taskmaster.non-retryable") as never;

/**
 * Thrown by a task's function where another attempt would be of no use: the job is failed at once, whatever attempts it has left.
 *
 * @example
 * if (customer === undefined) throw new NonRetryableError(`Customer ${id} does not exist.`);
 */
export class NonRetryableError extends Error {
  override readonly name = "NonRetryableError";
  readonly [mark] = true;
}

/** Whether an error, or what caused it, is a NonRetryableError, of this copy of the package or of another. */
export function isNonRetryable(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 10; at = at.cause, depth++)
    if (mark in at) return true;
  return false;
}
