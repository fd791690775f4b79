import { TaskmasterError } from "../../contract/error.ts";
import type { Wake } from "../../engine/suspend.ts";
import type { Records } from "./records.ts";

/** Thrown where the attempt ends because its job sleeps or waits: it runs again when it is time. Let it pass. */
export class SuspendedError extends TaskmasterError {
  readonly code = "TASKMASTER_SUSPENDED";
}

/** What will wake the job of an attempt that ends. Whatever it comes to before its function has ended is added. */
export class Suspension {
  readonly records: Records;
  readonly #wakes: Wake[] = [];
  /** The last event of a name that the job has been given. */
  readonly #given = new Map<string, string>();

  constructor(records: Records) {
    this.records = records;
  }

  /** @throws the reason why nothing more may begin; another suspension is none */
  assertGoingOn(): void {
    if (!(this.records.host.stopped instanceof SuspendedError)) this.records.assertGoingOn();
  }

  /** Ends the attempt. @throws {SuspendedError} always */
  async suspend(wake: Wake): Promise<never> {
    await new Promise((resolve) => setImmediate(resolve)); // what the task begins beside it begins
    this.assertGoingOn();
    this.#wakes.push(wake);
    const error = new SuspendedError(
      `Job ${this.records.host.job.id} gives its slot back: "${wake.name}". It runs again when it is time; let this error pass.`,
    );
    this.records.host.decide({ end: "suspended", wakes: this.#wakes }, error);
    throw error;
  }

  lastGiven(event: string): string {
    return this.#given.get(event) ?? "0";
  }

  give(event: string, id: string): void {
    this.#given.set(event, id);
  }
}
