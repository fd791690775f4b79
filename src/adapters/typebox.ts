import type { StandardJSONSchemaV1, StandardSchemaV1 } from "@standard-schema/spec";
import type { StaticDecode, StaticEncode, TSchema } from "typebox";
import { Compile, type Validator } from "typebox/compile";
import { Clone, DecodeUnsafe, HasCodec } from "typebox/value";
import { NotASchemaError } from "../contract/schema.ts";
import { standardSchema } from "./standard-schema.ts";

/** A TypeBox type as a Standard Schema: what an enqueue takes is `Input`, what a task's function gets is `Output`. */
export interface TypeBoxSchema<Input, Output> {
  readonly "~standard": StandardSchemaV1.Props<Input, Output> & StandardJSONSchemaV1.Props<Input, Output>;
}

/**
 * Makes a Standard Schema of a TypeBox type (package `typebox`, version 1), for `.payload()` and `.revise()`. A codec is stored in its
 * encoded form, and the function gets the decoded one. Defaults are not filled in, and nothing is converted.
 *
 * @example
 * import Type from "typebox";
 * import { task } from "taskmaster";
 * import { typebox } from "taskmaster/typebox";
 *
 * export const confirmUser = task("user.confirm")
 *   .payload(typebox(Type.Object({ id: Type.Integer(), message: Type.String() })))
 *   .short(async ({ id, message }) => { … });
 *
 * @throws {NotASchemaError} where it is given something else
 */
export function typebox<const Type extends TSchema>(type: Type): TypeBoxSchema<StaticEncode<Type>, StaticDecode<Type>> {
  if (typeof type !== "object" || type === null || "~standard" in type)
    throw new NotASchemaError("typebox() is for types of TypeBox: typebox(Type.Object({ … })).");
  if (Object.getOwnPropertySymbols(type).includes(Symbol.for("TypeBox.Kind")))
    throw new NotASchemaError(
      'This type is of the package @sinclair/typebox: write `import { typebox } from "taskmaster/sinclair-typebox"`.',
    );
  let compiled: Validator | undefined;
  const validator = () => {
    compiled ??= Compile(type);
    return compiled;
  };
  const codecs = HasCodec(type);
  return standardSchema({
    vendor: "typebox",
    type,
    problems: (value) =>
      validator().Check(value)
        ? []
        : validator()
            .Errors(value)
            .map(({ message, instancePath }) => ({ message, pointer: instancePath })),
    // A decoder may write into what it is given.
    decode: (value) => (codecs ? DecodeUnsafe({}, type, Clone(value)) : value),
  });
}
