import { TaskmasterError } from "./error.ts";
import type { JsonSchema } from "./json-schema.ts";
import type { Readable } from "./range.ts";
import { type PayloadSchema, toJsonSchema } from "./schema.ts";
import { type Wire, wireOf } from "./wire.ts";

/** What a task promises, as data: its name and the revisions of its payload. The typed chain in task.ts builds it. */
export interface Contract {
  readonly name: string;
  /** Names under which the task was known before: jobs under them are its jobs too. */
  readonly formerNames: readonly string[];
  /** The queue that its jobs wait in, unless an enqueue names another. */
  readonly queue: string;
  readonly priority: Priority;
  /** About to be deleted: runs what is left, and cannot be enqueued. */
  readonly retired: boolean;
  /** Ascending, without gaps; the first is the oldest that this code can still read. */
  readonly revisions: readonly [Revision, ...Revision[]];
}

/** A payload's form at one revision. */
export interface Revision {
  readonly number: number;
  readonly schema: PayloadSchema;
  /** From the revision before to this one; the chain's first has none. */
  readonly upgrade?: Conversion;
  /** From this revision to the one before. */
  readonly downgrade?: Conversion;
  /** What the schema accepts; converted once, when first asked for. @throws {SchemaConversionError} */
  jsonSchema(): JsonSchema;
  /** What of a payload is stored: nothing that this revision does not declare. @throws {SchemaConversionError} */
  wire(): Wire;
}

export type Conversion = (payload: unknown) => unknown;

/** Jobs of a higher priority are claimed first, whatever their age. */
export type Priority = "high" | "normal" | "low";

/** Thrown where a contract contradicts itself. */
export class InvalidContractError extends TaskmasterError {
  readonly code = "TASKMASTER_INVALID_CONTRACT";
}

export interface RevisionParts {
  readonly number: number;
  readonly schema: PayloadSchema;
  readonly upgrade?: Conversion | undefined;
  readonly downgrade?: Conversion | undefined;
}

export function revision(task: string, { number, schema, upgrade, downgrade }: RevisionParts): Revision {
  const jsonSchema = once(() => toJsonSchema(schema, `Revision ${number} of ${task}`));
  return {
    number,
    schema,
    ...(upgrade && { upgrade }),
    ...(downgrade && { downgrade }),
    jsonSchema,
    wire: once(() => wireOf(jsonSchema())),
  };
}

/** Schemas are converted when first asked for: a command that loads a thousand tasks may need the schema of one. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

export function currentRevision(contract: Contract): Revision {
  return contract.revisions.at(-1) ?? contract.revisions[0];
}

export function revisionAt(contract: Contract, number: number): Revision | undefined {
  return contract.revisions[number - contract.revisions[0].number];
}

/** The revisions that this code can read. */
export function readable(contract: Contract): Readable {
  return { lo: contract.revisions[0].number, hi: currentRevision(contract).number };
}

/** Names are keys in the database, on the command line and in file names; what could not be typed there is refused. */
const namePattern = /^[\p{L}\p{N}_][\p{L}\p{N}_.:/-]{0,127}$/u;

/** @throws {InvalidContractError} */
export function assertName(name: unknown, what: "task" | "queue" | "schedule"): asserts name is string {
  if (typeof name === "string" && namePattern.test(name)) return;
  throw new InvalidContractError(
    `${JSON.stringify(name)} is no name for a ${what}: use 1 to 128 letters, digits, and . _ - : / between them, such as "user.confirm".`,
  );
}
