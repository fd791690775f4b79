import { TaskmasterError } from "../contract/error.ts";

/** Thrown at the start of a process whose contract for a task and revision contradicts the registered one. */
export class ContractContradictionError extends TaskmasterError {
  readonly code = "TASKMASTER_CONTRACT_CONTRADICTION";
  readonly task: string;
  readonly revision: number;
  /** The release that registered the other one. */
  readonly release: string;
  /** A path for each difference, such as `/date`. */
  readonly paths: readonly string[];

  constructor(
    task: string,
    revision: number,
    release: string,
    differences: readonly { readonly path: string; readonly message: string }[],
  ) {
    const listed = differences
      .slice(0, 5)
      .map(({ path, message }) => `  ${path === "" ? "(payload)" : path}: ${message}`);
    super(
      `Revision ${revision} of ${task} is not what release ${release} registered under that number:\n${listed.join("\n")}\n` +
        "Jobs of that revision may be waiting, so its meaning cannot change. Leave revision " +
        `${revision} as it was, and add the change as a revision of its own:\n` +
        `  .revise(newSchema, { upgrade: (older) => ({ ...older, … }), downgrade: (newer) => … })\n` +
        `If nobody needs the old meaning (a draft in development): npx taskmaster contracts forget ${task} --revision ${revision}`,
    );
    this.task = task;
    this.revision = revision;
    this.release = release;
    this.paths = differences.map(({ path }) => path);
  }
}
