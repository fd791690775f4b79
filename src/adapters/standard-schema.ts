import type { StandardJSONSchemaV1, StandardSchemaV1 } from "@standard-schema/spec";
import { pointerPath } from "./json-pointer.ts";
import { typeboxJsonSchema } from "./typebox-json-schema.ts";

export interface TypeBoxLibrary {
  readonly vendor: string;
  readonly type: object;
  /** What is wrong with a value; nothing where it fits. */
  readonly problems: (value: unknown) => readonly { readonly message: string; readonly pointer: string }[];
  /** From the encoded form to the decoded one, of a value that fits. */
  readonly decode: (value: unknown) => unknown;
}

/** A Standard Schema over what the versions of TypeBox have in common. */
export function standardSchema<Input, Output>({
  vendor,
  type,
  problems,
  decode,
}: TypeBoxLibrary): {
  readonly "~standard": StandardSchemaV1.Props<Input, Output> & StandardJSONSchemaV1.Props<Input, Output>;
} {
  const validate = (value: unknown): StandardSchemaV1.Result<Output> => {
    const found = problems(value);
    if (found.length > 0)
      return { issues: found.map(({ message, pointer }) => ({ message, path: pointerPath(pointer, value) })) };
    try {
      return { value: decode(value) as Output };
    } catch (error) {
      return { issues: [{ message: `its decoder threw: ${error instanceof Error ? error.message : String(error)}` }] };
    }
  };
  const input = ({ target }: StandardJSONSchemaV1.Options) => {
    if (target !== "draft-2020-12") throw new Error(`there is no conversion to ${target}, only to draft-2020-12`);
    return typeboxJsonSchema(type);
  };
  const output = () => {
    throw new Error("only what goes in has a JSON Schema: what a decoder makes need not be JSON");
  };
  return { "~standard": { version: 1, vendor, validate, jsonSchema: { input, output } } };
}
