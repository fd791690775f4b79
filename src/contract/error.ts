/**
 * The base of every error that Taskmaster throws on purpose.
 *
 * One class per situation, each with fields of its own and a stable `code`. The message says what happened, to which
 * job or task, and what to write or run next; it may change between releases, the code may not.
 */
export abstract class TaskmasterError extends Error {
  /** Stable, machine-readable: `TASKMASTER_` and the situation. */
  abstract readonly code: `TASKMASTER_${string}`;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}
