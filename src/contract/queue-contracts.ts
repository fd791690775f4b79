import type { StandardSchemaV1 } from "@standard-schema/spec";
import { TaskmasterError } from "./error.ts";
import { assertSchema } from "./schema.ts";

/**
 * What jobs of existing queues hold: by queue, then by the job's name, or one schema for all of a queue. `"*"` stands for any other queue or name. A schema is
 * one of any library that speaks Standard Schema, and takes what the processor takes: its defaults, unions and conversions count.
 *
 * @example
 * const contracts: QueueContracts = {
 *   emails: { confirm: z.object({ id: z.number(), date: z.string() }) },
 *   reports: z.object({ month: z.string() }),
 * };
 */
export type QueueContracts = Readonly<Record<string, StandardSchemaV1 | Readonly<Record<string, StandardSchemaV1>>>>;

/** Thrown where contracts of queues are not written as they should be. */
export class InvalidQueueContractsError extends TaskmasterError {
  readonly code = "TASKMASTER_INVALID_QUEUE_CONTRACTS";
}

function isSchema(value: object): value is StandardSchemaV1 {
  return "~standard" in value;
}

/** Undefined where nothing describes such a job. */
export function contractFor(contracts: QueueContracts, queue: string, name: string): StandardSchemaV1 | undefined {
  const ofQueue = own(contracts, queue) ?? own(contracts, "*");
  if (ofQueue === undefined || isSchema(ofQueue)) return ofQueue;
  return own(ofQueue, name) ?? own(ofQueue, "*");
}

/** A job may be named `constructor`. */
function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

/** @throws {InvalidQueueContractsError | NotASchemaError} */
export function assertQueueContracts(value: unknown, where: string): asserts value is QueueContracts {
  if (!isMap(value))
    throw new InvalidQueueContractsError(
      `${where} should be schemas by queue and job: { emails: { confirm: z.object({ … }) } }.`,
    );
  for (const [queue, ofQueue] of Object.entries(value)) {
    if (!isMap(ofQueue) || isSchema(ofQueue)) assertSchema(ofQueue, `The queue ${queue} in ${where}`);
    else
      for (const [name, schema] of Object.entries(ofQueue))
        assertSchema(schema, `The job ${name} of the queue ${queue} in ${where}`);
  }
}

function isMap(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
