import { randomUUID } from "node:crypto";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { InvalidEnqueueError } from "../contract/enqueue.ts";
import { toRecorded } from "../contract/recorded-value.ts";
import type { PayloadSchema } from "../contract/schema.ts";
import type { NewEvent } from "../engine/event.ts";
import type { Queryable } from "../engine/queryable.ts";

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
