import { randomUUID } from "node:crypto";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { InvalidEnqueueError } from "../contract/enqueue.ts";
import { toRecorded } from "../contract/recorded-value.ts";
import type { PayloadSchema } from "../contract/schema.ts";
import { type Database, type Queryable, retrying, runWithin } from "../engine/database.ts";
import { type NewEvent, writeEvent } from "../engine/event.ts";
import { publish } from "../engine/events.ts";

export interface SignalOptions {
  /** Checks the payload; may have revisions, for those who wait with an older one. */
  readonly schema?: StandardSchemaV1;
  /** Writes the event through this connection, inside the transaction that it has open: it happens when that commits. */
  readonly within?: Queryable;
}

/** An event, checked. @throws {InvalidEnqueueError} @throws {NotJsonError} @throws {ResultRefusedError} */
export async function newEvent(name: string, payload: unknown, schema: PayloadSchema | undefined): Promise<NewEvent> {
  if (typeof name !== "string" || name.length < 1 || name.length > 200 || name.includes("\0") || !name.isWellFormed())
    throw new InvalidEnqueueError(`${JSON.stringify(name)} is no name for an event: a name has 1 to 200 characters.`);
  const { value, older, revision } = await toRecorded(payload, schema, `the payload of the event "${name}"`);
  return { call: randomUUID(), name, payload: value ?? "null", older, revision };
}

/** Writes an event and commits it, through lost connections, for as long as `forMs`. Answers with the jobs that it woke. */
export async function signalEvent(
  database: Database,
  event: NewEvent,
  within: Queryable | undefined,
  forMs: number,
): Promise<{ id: string; lane: number }[]> {
  const woken = within
    ? await writeEvent(runWithin(within), event)
    : await retrying((timeoutMs) => database.transaction(({ run }) => writeEvent(run, event), { timeoutMs }), {
        during: "a signal",
        forMs,
      });
  publish({ event: "event.signalled", name: event.name, woken: woken.map(({ id }) => id) });
  return woken;
}
