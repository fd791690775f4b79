import type { StandardJSONSchemaV1, StandardSchemaV1 } from "@standard-schema/spec";
import { TaskmasterError } from "./error.ts";
import type { JsonSchema } from "./json-schema.ts";

/**
 * The two things we ask of a schema library, both by the Standard Schema specification (https://standardschema.dev):
 * to validate a payload, and to say as JSON Schema what it accepts.
 */

/** A schema of any library that speaks Standard Schema: Zod, Valibot, ArkType, TypeBox by our adapter … */
export type PayloadSchema<Input = unknown, Output = Input> = StandardSchemaV1<Input, Output>;

export type InferInput<Schema extends StandardSchemaV1> = StandardSchemaV1.InferInput<Schema>;
export type InferOutput<Schema extends StandardSchemaV1> = StandardSchemaV1.InferOutput<Schema>;

/** One thing that a schema had against a value. */
export interface PayloadIssue {
  /** Such as `date` or `items[3].price`; empty for the payload itself. */
  readonly path: string;
  readonly message: string;
}

export type Validation =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly issues: readonly PayloadIssue[] };

/** Thrown where a schema cannot be written as JSON Schema, so that it could neither be compared nor shown. */
export class SchemaConversionError extends TaskmasterError {
  readonly code = "TASKMASTER_SCHEMA_CONVERSION";
}

/** Thrown where something that is not a Standard Schema is given as one. */
export class NotASchemaError extends TaskmasterError {
  readonly code = "TASKMASTER_NOT_A_SCHEMA";
}

/** Validates a value. Answers at once where the library does, so that a synchronous validator costs no turn of the event loop. */
export function validate(schema: PayloadSchema, value: unknown): Validation | Promise<Validation> {
  const result = schema["~standard"].validate(value);
  return result instanceof Promise ? result.then(toValidation) : toValidation(result);
}

function toValidation(result: StandardSchemaV1.Result<unknown>): Validation {
  if (result.issues === undefined) return { ok: true, value: result.value };
  return { ok: false, issues: result.issues.map(({ message, path }) => ({ message, path: pathText(path ?? []) })) };
}

function pathText(path: readonly (PropertyKey | StandardSchemaV1.PathSegment)[]): string {
  return path
    .map((segment) => (typeof segment === "object" ? segment.key : segment))
    .map((key, index) => (typeof key === "number" ? `[${key}]` : `${index > 0 ? "." : ""}${String(key)}`))
    .join("");
}

/**
 * What the schema accepts on the wire, as JSON Schema draft 2020-12, by the library's own conversion.
 *
 * @throws {SchemaConversionError} where the library has none, or the schema describes something that is not JSON
 */
export function toJsonSchema(schema: PayloadSchema, what: string): JsonSchema {
  const standard = schema["~standard"] as Partial<StandardJSONSchemaV1.Props> & { readonly vendor: string };
  if (standard.jsonSchema === undefined)
    throw new SchemaConversionError(
      `${what} has a schema of ${standard.vendor} that cannot say what it accepts. ${adapterFor(standard.vendor)}`,
    );
  try {
    const { $schema: _, ...rest } = standard.jsonSchema.input({ target: "draft-2020-12" });
    return rest;
  } catch (error) {
    throw new SchemaConversionError(
      `${what} cannot be written as JSON Schema: ${error instanceof Error ? error.message : String(error)}. ` +
        "A payload is stored as JSON: describe its JSON form (for a date, a string in ISO form), or use a codec of your schema library.",
      { cause: error },
    );
  }
}

function adapterFor(vendor: string): string {
  switch (vendor) {
    case "valibot":
      return 'Wrap it: `import { toStandardJsonSchema } from "@valibot/to-json-schema"` and pass `toStandardJsonSchema(schema)`.';
    case "zod":
      return "Zod can from version 4.2 on: `npm install zod@^4.2`.";
    case "arktype":
      return "ArkType can from version 2.1.28 on: `npm install arktype@^2.1.28`.";
    default:
      return "Pass a schema whose `~standard` has a `jsonSchema` converter (Standard JSON Schema); many libraries ship an adapter for it.";
  }
}

/** @throws {NotASchemaError} */
export function assertSchema(schema: unknown, what: string): asserts schema is PayloadSchema {
  const standard =
    (typeof schema === "object" && schema !== null) || typeof schema === "function"
      ? Reflect.get(schema, "~standard")
      : undefined;
  if (typeof standard === "object" && standard !== null && typeof Reflect.get(standard, "validate") === "function")
    return;
  throw new NotASchemaError(
    `${what} is not described by a Standard Schema. Pass a schema of Zod, Valibot, ArkType or another such library, ` +
      'for TypeBox wrap it: `import { typebox } from "taskmaster/typebox"` and `.payload(typebox(schema))`.',
  );
}
