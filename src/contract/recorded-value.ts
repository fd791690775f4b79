import { currentRevision } from "./contract.ts";
import { TaskmasterError } from "./error.ts";
import { toJsonText } from "./json-text.ts";
import { PayloadRefusedError, readPayload, storePayload } from "./payload.ts";
import { recordedContract } from "./recorded.ts";
import type { PayloadIssue, PayloadSchema } from "./schema.ts";

/** Turning what is to be recorded into JSON text, and what is recorded into the value that its reader expects. */

export interface RecordedText {
  /** JSON text; null where there is no value. */
  readonly value: string | null;
  /** JSON text of an object of older renditions by revision, where there are any. */
  readonly older: string | null;
  /** Of the value's schema; null where it has none. */
  readonly revision: number | null;
}

/** Thrown where a value that was to be recorded does not fit its schema. */
export class ResultRefusedError extends TaskmasterError {
  readonly code = "TASKMASTER_RESULT_REFUSED";
  readonly issues: readonly PayloadIssue[];

  constructor(what: string, issues: readonly PayloadIssue[]) {
    const list = issues.slice(0, 5).map(({ path, message }) => (path === "" ? message : `${path}: ${message}`));
    super(
      `${upperFirst(what)} does not fit its schema: ${list.join("; ")}. Mend the function, or add a revision: revisions(schema).revise(…).`,
    );
    this.issues = issues;
  }
}

/** Thrown where a value that was to be recorded has more than 1 MB of JSON. */
export class CheckpointTooLargeError extends TaskmasterError {
  readonly code = "TASKMASTER_CHECKPOINT_TOO_LARGE";
  readonly bytes: number;

  constructor(what: string, bytes: number) {
    super(
      `${upperFirst(what)} has ${bytes.toLocaleString("en")} bytes of JSON; the limit is ${limit.toLocaleString("en")}. ` +
        "Store the data elsewhere and answer with its address, or go through it with ctx.each.",
    );
    this.bytes = bytes;
  }
}

const utf8 = new TextEncoder();
/** Bytes of JSON. */
const limit = 1_000_000;

/**
 * @param what names the value in errors, such as `the result of step "quote" of order.price`
 * @throws {NotJsonError}
 * @throws {ResultRefusedError}
 * @throws {CheckpointTooLargeError}
 */
export async function toRecorded(
  value: unknown,
  schema: PayloadSchema | undefined,
  what: string,
): Promise<RecordedText> {
  const text = schema ? await withSchema(value, schema, what) : withoutSchema(value, what);
  const length = text.value?.length ?? 0;
  const bytes = length * 3 > limit ? utf8.encode(text.value ?? "").length : length;
  if (bytes > limit) throw new CheckpointTooLargeError(what, bytes);
  return text;
}

function withoutSchema(value: unknown, what: string): RecordedText {
  return { value: value === undefined ? null : toJsonText(value, upperFirst(what)), older: null, revision: null };
}

async function withSchema(value: unknown, schema: PayloadSchema, what: string): Promise<RecordedText> {
  try {
    const { text, olderText, max } = await storePayload(recordedContract(schema, what), value);
    return { value: text, older: olderText, revision: max };
  } catch (error) {
    throw error instanceof PayloadRefusedError ? new ResultRefusedError(what, error.issues) : error;
  }
}

/** @throws {UnreadablePayloadError} where what is recorded does not fit any more */
export async function fromRecorded(
  { value, older, revision }: RecordedText,
  schema: PayloadSchema | undefined,
  what: string,
): Promise<unknown> {
  const plain = value === null ? undefined : (JSON.parse(value) as unknown);
  if (schema === undefined) return plain;
  const contract = recordedContract(schema, what);
  const newest = currentRevision(contract).number;
  // Recorded when it had no schema yet: by the oldest revision that is known.
  const recorded = revision ?? contract.revisions[0].number;
  if (recorded <= newest) return readPayload(contract, recorded, plain);
  const renditions = JSON.parse(older ?? "{}") as Record<string, unknown>;
  return newest in renditions
    ? readPayload(contract, newest, renditions[newest])
    : readPayload(contract, recorded, plain);
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
