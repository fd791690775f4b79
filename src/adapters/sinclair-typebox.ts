import type { StaticDecode, StaticEncode, TSchema } from "@sinclair/typebox";
import { type TypeCheck, TypeCompiler } from "@sinclair/typebox/compiler";
import { Clone, HasTransform, TransformDecode } from "@sinclair/typebox/value";
import type { StandardJSONSchemaV1, StandardSchemaV1 } from "@standard-schema/spec";
import { NotASchemaError } from "../contract/schema.ts";
import { standardSchema } from "./standard-schema.ts";

/** A TypeBox type as a Standard Schema: what an enqueue takes is `Input`, what a task's function gets is `Output`. */
export interface TypeBoxSchema<Input, Output> {
  readonly "~standard": StandardSchemaV1.Props<Input, Output> & StandardJSONSchemaV1.Props<Input, Output>;
}

/**
 * The same as `typebox` of `taskmaster/typebox`, for the package `@sinclair/typebox` (version 0.34).
 *
 * @example
 * import { Type } from "@sinclair/typebox";
 * import { typebox } from "taskmaster/sinclair-typebox";
 *
 * const payload = typebox(Type.Object({ id: Type.Integer(), message: Type.String() }));
 *
 * @throws {NotASchemaError} where it is given something else
 */
export function typebox<Type extends TSchema>(type: Type): TypeBoxSchema<StaticEncode<Type>, StaticDecode<Type>> {
  if (
    typeof type !== "object" ||
    type === null ||
    !Object.getOwnPropertySymbols(type).includes(Symbol.for("TypeBox.Kind"))
  )
    throw new NotASchemaError(
      "typebox() of taskmaster/sinclair-typebox is for types of @sinclair/typebox: typebox(Type.Object({ … })). " +
        'For the package typebox, write `import { typebox } from "taskmaster/typebox"`.',
    );
  let compiled: TypeCheck<Type> | undefined;
  const check = () => {
    compiled ??= TypeCompiler.Compile(type);
    return compiled;
  };
  const transforms = HasTransform(type, []);
  return standardSchema({
    vendor: "@sinclair/typebox",
    type,
    problems: (value) =>
      check().Check(value) ? [] : [...check().Errors(value)].map(({ message, path }) => ({ message, pointer: path })),
    // A decoder may write into what it is given.
    decode: (value) => (transforms ? TransformDecode(type, [], Clone(value)) : value),
  });
}
