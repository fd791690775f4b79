import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Duration } from "./duration.ts";

/** Sleeping and waiting, as types. */

/** `ctx.sleep` */
export type Sleep =
  /**
   * Ends the attempt by a `SuspendedError`, gives the slot back, and runs the job again when the time is over; this call then returns. By the
   * database's clock, from the first attempt that came here on.
   *
   * @param name its own within the task
   * @param duration milliseconds, or a text such as `"3 days"`
   */
  (name: string, duration: Duration) => Promise<void>;

export interface WaitOptions {
  /** Its own within the task. Default: `wait for` and the event. */
  readonly name?: string;
  /** After this it returns `undefined`. Default: it waits for ever. */
  readonly timeout?: Duration;
  /** Of the payload; may have revisions. */
  readonly schema?: StandardSchemaV1;
}

/** `ctx.waitFor` */
export interface WaitFor {
  /**
   * Answers with the payload of an event that has happened since the job was enqueued. Where it has not yet, the attempt ends by a
   * `SuspendedError`, the slot is given back, and the job runs again when it happens.
   *
   * Each wait for one event takes the next of that name.
   *
   * @param event of 200 characters at most, such as `order paid 4711`
   */
  <Schema extends StandardSchemaV1>(
    event: string,
    options: WaitOptions & { readonly schema: Schema; readonly timeout: Duration },
  ): Promise<StandardSchemaV1.InferOutput<Schema> | undefined>;
  <Schema extends StandardSchemaV1>(
    event: string,
    options: WaitOptions & { readonly schema: Schema },
  ): Promise<StandardSchemaV1.InferOutput<Schema>>;
  (event: string, options?: WaitOptions): Promise<unknown>;
}
