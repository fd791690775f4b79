import { toStandardJsonSchema } from "@valibot/to-json-schema";
import { type } from "arktype";
import Type from "typebox";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { compareSchemas } from "../../../src/contract/compatibility/compatibility.ts";
import type { JsonSchema } from "../../../src/contract/json-schema.ts";

/** The same edits, as the libraries render them; witnesses are judged by the validators themselves. */

interface Rendered {
  readonly schema: JsonSchema;
  /** Whether the library's own validator takes it. */
  readonly takes: (payload: unknown) => boolean;
}

interface Standard {
  readonly "~standard": {
    readonly validate: (value: unknown) => unknown;
    readonly jsonSchema: { readonly input: (options: { readonly target: "draft-2020-12" }) => Record<string, unknown> };
  };
}

function render(standard: Standard): Rendered {
  return {
    schema: standard["~standard"].jsonSchema.input({ target: "draft-2020-12" }),
    takes: (payload) => !("issues" in (standard["~standard"].validate(payload) as object)),
  };
}

type Edit =
  | "same"
  | "optional added"
  | "required added"
  | "with a default added"
  | "value added"
  | "null added"
  | "fraction allowed"
  | "length tightened"
  | "variant added"
  | "item widened";

const zod = (edit: Edit) =>
  z.object({
    id: edit === "fraction allowed" ? z.number() : z.int(),
    kind: z.enum(edit === "value added" ? ["a", "b", "c"] : ["a", "b"]),
    name: edit === "length tightened" ? z.string().min(1).max(10) : z.string().min(1),
    note: edit === "null added" ? z.string().nullable() : z.string(),
    mail: z.email(),
    at: z.iso.datetime(),
    tags: z.array(edit === "item widened" ? z.union([z.string(), z.number()]) : z.string()),
    pay: z.discriminatedUnion("by", [
      z.object({ by: z.literal("card"), number: z.string() }),
      z.object({ by: z.literal("cash") }),
      ...(edit === "variant added" ? [z.object({ by: z.literal("bill") })] : []),
    ]),
    ...(edit === "optional added" && { extra: z.boolean().optional() }),
    ...(edit === "required added" && { extra: z.boolean() }),
    ...(edit === "with a default added" && { extra: z.boolean().default(true) }),
  });

const valibot = (edit: Edit) =>
  toStandardJsonSchema(
    v.object({
      id: edit === "fraction allowed" ? v.number() : v.pipe(v.number(), v.integer()),
      kind: v.picklist(edit === "value added" ? ["a", "b", "c"] : ["a", "b"]),
      name:
        edit === "length tightened"
          ? v.pipe(v.string(), v.minLength(1), v.maxLength(10))
          : v.pipe(v.string(), v.minLength(1)),
      note: edit === "null added" ? v.nullable(v.string()) : v.string(),
      mail: v.pipe(v.string(), v.email()),
      tags: v.array(edit === "item widened" ? v.union([v.string(), v.number()]) : v.string()),
      pay: v.variant("by", [
        v.object({ by: v.literal("card"), number: v.string() }),
        v.object({ by: v.literal("cash") }),
        ...(edit === "variant added" ? [v.object({ by: v.literal("bill") })] : []),
      ]),
      ...(edit === "optional added" && { extra: v.optional(v.boolean()) }),
      ...(edit === "required added" && { extra: v.boolean() }),
      ...(edit === "with a default added" && { extra: v.optional(v.boolean(), true) }),
    }) as v.GenericSchema,
  );

const arktype = (edit: Edit) => {
  const extra =
    edit === "optional added"
      ? { "extra?": "boolean" }
      : edit === "required added"
        ? { extra: "boolean" }
        : edit === "with a default added"
          ? { extra: "boolean = true" }
          : {};
  const pay = edit === "variant added" ? "'card' | 'cash' | 'bill'" : "'card' | 'cash'";
  return type({
    id: edit === "fraction allowed" ? "number" : "number.integer",
    kind: edit === "value added" ? "'a' | 'b' | 'c'" : "'a' | 'b'",
    name: edit === "length tightened" ? "1 <= string <= 10" : "string >= 1",
    note: edit === "null added" ? "string | null" : "string",
    mail: "string.email",
    tags: edit === "item widened" ? "(string | number)[]" : "string[]",
    pay: { by: pay },
    ...extra,
  } as never) as unknown as Standard;
};

const typebox = (edit: Edit): JsonSchema =>
  Type.Object({
    id: edit === "fraction allowed" ? Type.Number() : Type.Integer(),
    kind: Type.Enum((edit === "value added" ? ["a", "b", "c"] : ["a", "b"]) as string[]),
    name: Type.String(edit === "length tightened" ? { minLength: 1, maxLength: 10 } : { minLength: 1 }),
    note: edit === "null added" ? Type.Union([Type.String(), Type.Null()]) : Type.String(),
    mail: Type.String({ format: "email" }),
    tags: Type.Array(edit === "item widened" ? Type.Union([Type.String(), Type.Number()]) : Type.String()),
    pay: Type.Union([
      Type.Object({ by: Type.Literal("card"), number: Type.String() }),
      Type.Object({ by: Type.Literal("cash") }),
      ...(edit === "variant added" ? [Type.Object({ by: Type.Literal("bill") })] : []),
    ]),
    pair: Type.Tuple([Type.String(), Type.Integer()]),
    ...(edit === "optional added" && { extra: Type.Optional(Type.Boolean()) }),
    ...(edit === "required added" && { extra: Type.Boolean() }),
    ...(edit === "with a default added" && { extra: Type.Optional(Type.Boolean({ default: true })) }),
  } as Type.TProperties) as unknown as JsonSchema;

const libraries: readonly (readonly [string, (edit: Edit) => Rendered])[] = [
  ["zod", (edit) => render(zod(edit) as unknown as Standard)],
  ["valibot", (edit) => render(valibot(edit) as unknown as Standard)],
  ["arktype", (edit) => render(arktype(edit))],
  ["typebox", (edit) => ({ schema: typebox(edit), takes: () => true })],
];

const expected: readonly (readonly [Edit, string, string, string])[] = [
  ["optional added", "property-added", "yes", "yes, dropping"],
  ["required added", "required-property-added", "no", "yes, dropping"],
  ["with a default added", "property-added", "yes", "yes, dropping"],
  ["value added", "value-added", "yes", "no"],
  ["null added", "null-added", "yes", "no"],
  ["fraction allowed", "integer-became-number", "yes", "no"],
  ["length tightened", "length-tightened", "no", "yes"],
  ["variant added", "variant-added", "yes", "no"],
  ["item widened", "type-added", "yes", "no"],
];

describe.each(libraries)("%s", (name, make) => {
  test("the same schema, made twice", () => {
    expect(compareSchemas(make("same").schema, make("same").schema)).toMatchObject({
      equivalent: true,
      differences: [],
    });
  });

  test.each(expected)("%s", (edit, rule, backward, forward) => {
    const [older, newer] = [make("same"), make(edit)];
    const found = compareSchemas(older.schema, newer.schema);
    const said = [found.backward, found.forward].map(({ verdict, drops }) =>
      drops ? `${verdict}, dropping` : verdict,
    );
    expect(said).toEqual([backward, forward]);
    const wanted = name === "arktype" && edit === "variant added" ? "value-added" : rule;
    // A safe integer is bounded, a number is not.
    const also = name === "zod" && edit === "fraction allowed" ? ["range-loosened"] : [];
    expect(found.differences.map((difference) => difference.rule)).toEqual([wanted, ...also]);
    if (name === "typebox") return;
    for (const [{ verdict, witness }, writer, reader] of [
      [found.backward, older, newer],
      [found.forward, newer, older],
    ] as const)
      if (verdict === "no") expect([writer.takes(witness), reader.takes(witness)]).toEqual([true, false]);
  });
});

test("a strict object refuses what another one drops", () => {
  const schema = (strict: boolean, more: boolean) => {
    const shape = { a: z.string(), ...(more && { b: z.string().optional() }) };
    return z.toJSONSchema(strict ? z.strictObject(shape) : z.object(shape), { io: "input" }) as JsonSchema;
  };
  expect(compareSchemas(schema(true, false), schema(true, true)).forward).toMatchObject({ verdict: "no" });
  expect(compareSchemas(schema(false, false), schema(false, true)).forward).toMatchObject({
    verdict: "yes",
    drops: true,
  });
});

test("records, tuples and recursion of Zod", () => {
  const list = (value: z.ZodType) => {
    const node: z.ZodType = z.object({ value, next: z.lazy(() => node).nullable() });
    return z.toJSONSchema(node, { io: "input" }) as JsonSchema;
  };
  const record = (value: z.ZodType) => z.toJSONSchema(z.record(z.string(), value)) as JsonSchema;
  const tuple = (value: z.ZodType) => z.toJSONSchema(z.tuple([z.string(), value])) as JsonSchema;
  for (const make of [list, record, tuple]) {
    const [narrow, wide] = [make(z.int()), make(z.number())];
    expect(compareSchemas(narrow, wide)).toMatchObject({ backward: { verdict: "yes" }, forward: { verdict: "no" } });
    expect(compareSchemas(narrow, make(z.int()))).toMatchObject({ equivalent: true });
  }
});
