import { TaskmasterError } from "../../contract/error.ts";
import type { HeldJob } from "../held-job.ts";
import type { Outcome } from "../settler.ts";

/** What steps need of the attempt that they belong to. */
export interface AttemptHost {
  readonly job: HeldJob;
  /** Aborts when the attempt should stop. */
  readonly signal: AbortSignal;
  /** Why nothing more of this attempt may begin: it was interrupted, or its end is decided. */
  readonly stopped: Error | undefined;
  /** Says how the attempt ends, whatever its function does from here on. The first decision stands. */
  decide(outcome: Outcome, reason: Error): void;
}

/** Thrown in a task whose job has been given to another worker, because this one was taken for dead or left. Nothing of it is recorded any more. */
export class JobLostError extends TaskmasterError {
  readonly code = "TASKMASTER_JOB_LOST";
  readonly job: string;

  constructor(job: string, during: string) {
    super(
      `Job ${job} has been given to another worker: ${during} was not recorded, and nothing that this attempt does from here on will be.`,
    );
    this.job = job;
  }
}

/** Thrown in a task whose job is held from here on: a person has to decide, and the message says what about. */
export class JobHeldError extends TaskmasterError {
  readonly code = "TASKMASTER_JOB_HELD";
  readonly job: string;
  readonly reason: string;

  constructor(job: string, reason: string, detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.job = job;
    this.reason = reason;
  }
}

/** Ends the attempt, because its job is another's. */
export function lose(host: AttemptHost, during: string): JobLostError {
  const error = new JobLostError(host.job.id, during);
  host.decide({ end: "released", interrupted: true }, error); // fenced: it releases nothing
  return error;
}

/** Ends the attempt and holds its job. */
export function hold(host: AttemptHost, reason: string, detail: string, cause?: unknown): JobHeldError {
  const error = new JobHeldError(host.job.id, reason, detail, { cause });
  host.decide({ end: "parked", state: "held", reason, detail }, error);
  return error;
}
