import type { WaitOptions } from "../../contract/event.ts";
import { UnreadablePayloadError } from "../../contract/payload.ts";
import { fromRecorded, type RecordedText } from "../../contract/recorded-value.ts";
import { assertSchema, type PayloadSchema } from "../../contract/schema.ts";
import type { FoundCheckpoint } from "../../engine/checkpoint.ts";
import { sleepMs } from "./sleep.ts";
import type { Suspension } from "./suspension.ts";

/** What is recorded of a wait: what it is for, or what came: an event, or its timeout. */
interface RecordedWait {
  readonly after?: string;
  readonly id?: string;
  readonly payload?: unknown;
}

export async function waitFor(suspension: Suspension, event: string, options: WaitOptions = {}): Promise<unknown> {
  const { records } = suspension;
  const { name = `wait for ${event}`, timeout } = options;
  const schema = options.schema ?? records.declared(name)?.schema;
  if (schema !== undefined) assertSchema(schema, `The event "${event}"`);
  const ms = timeout === undefined ? null : sleepMs(timeout, `timeout of "${name}"`);
  suspension.assertGoingOn();
  records.name(name, "a wait");
  const known = await records.find(name);
  const recorded = JSON.parse(known?.value ?? "{}") as RecordedWait;
  if (known?.kind === "event") return answer(suspension, event, known, recorded, schema);
  const after = recorded.after ?? suspension.lastGiven(event);
  const found = await records.findEvent(event, after);
  suspension.assertGoingOn();
  if (found === undefined && !known?.due)
    return suspension.suspend(
      known ? { kind: "again", name, event, after } : { kind: "wait", name, event, after, ms, seq: 1 },
    );
  const given = {
    name,
    kind: "event",
    seq: (known?.seq ?? 0) + 1,
    revision: found?.revision ?? null,
    value: found ? `{"id":"${found.id}","payload":${found.value}}` : "{}",
    older: found?.older ?? null,
  } as const;
  await records.write(given);
  return answer(suspension, event, given, JSON.parse(given.value) as RecordedWait, schema);
}

async function answer(
  suspension: Suspension,
  event: string,
  { older, revision }: Pick<FoundCheckpoint, "older" | "revision">,
  { id, payload }: RecordedWait,
  schema: PayloadSchema | undefined,
): Promise<unknown> {
  const { records } = suspension;
  if (id === undefined) return undefined; // its time was over
  suspension.give(event, id);
  const text: RecordedText = { value: JSON.stringify(payload), older, revision };
  try {
    return await fromRecorded(text, schema, records.describe(`the event "${event}"`));
  } catch (error) {
    if (!(error instanceof UnreadablePayloadError)) throw error;
    throw records.hold("unreadable-checkpoint", error.message, error);
  }
}
