import type { JsonSchema } from "../../contract/json-schema.ts";
import { arktype } from "./arktype.ts";
import { NoSource } from "./no-source.ts";
import { typebox } from "./typebox.ts";
import { valibot } from "./valibot.ts";
import { written } from "./written.ts";
import { zod } from "./zod.ts";

/** By the name that a library gives itself (`~standard.vendor`). */
const libraries = new Map<string, (schema: JsonSchema) => string>([
  ["zod", zod],
  ["valibot", (schema) => `toStandardJsonSchema(${written(schema, valibot)})`],
  ["arktype", (schema) => `type(${written(schema, arktype)})`],
  ["typebox", (schema) => `typebox(${written(schema, typebox)})`],
  ["@sinclair/typebox", (schema) => `typebox(${written(schema, typebox)})`],
]);

/**
 * A JSON Schema as the code of a schema library, for people to paste: only what the library renders so. Whatever else is
 * answered with undefined, and the reader is sent to the code as it was.
 */
export function schemaSource(schema: JsonSchema, library: string): string | undefined {
  try {
    return libraries.get(library)?.(schema);
  } catch (error) {
    // A pattern may be none of JavaScript's.
    if (error instanceof NoSource || error instanceof SyntaxError) return;
    throw error;
  }
}
