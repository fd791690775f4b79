import * as Sinclair from "@sinclair/typebox";
import { Ajv2020 } from "ajv/dist/2020.js";
import { type InputOf, type OutputOf, task } from "taskmaster";
import { typebox as sinclair } from "taskmaster/sinclair-typebox";
import { typebox } from "taskmaster/typebox";
import Type from "typebox";
import { describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { compareSchemas } from "../../../src/contract/compatibility/compatibility.ts";
import { readPayload, storePayload } from "../../../src/contract/payload.ts";
import { type PayloadSchema, toJsonSchema, validate } from "../../../src/contract/schema.ts";
import { contractOf } from "../../../src/contract/task.ts";

const Old = Sinclair.Type;

/** The same types in both versions, and values of which each accepts some. */
const types: Record<string, readonly [PayloadSchema, PayloadSchema]> = {
  object: [
    typebox(Type.Object({ id: Type.Integer(), note: Type.Optional(Type.String()) })),
    sinclair(Old.Object({ id: Old.Integer(), note: Old.Optional(Old.String()) })),
  ],
  "strict object": [
    typebox(Type.Object({ id: Type.Integer() }, { additionalProperties: false })),
    sinclair(Old.Object({ id: Old.Integer() }, { additionalProperties: false })),
  ],
  tuple: [typebox(Type.Tuple([Type.String(), Type.Number()])), sinclair(Old.Tuple([Old.String(), Old.Number()]))],
  "empty tuple": [typebox(Type.Tuple([])), sinclair(Old.Tuple([]))],
  record: [typebox(Type.Record(Type.String(), Type.Number())), sinclair(Old.Record(Old.String(), Old.Number()))],
  "record of a number": [
    typebox(Type.Record(Type.Integer(), Type.Number())),
    sinclair(Old.Record(Old.Integer(), Old.Number())),
  ],
  union: [
    typebox(Type.Union([Type.Literal("a"), Type.Null(), Type.Array(Type.Boolean())])),
    sinclair(Old.Union([Old.Literal("a"), Old.Null(), Old.Array(Old.Boolean())])),
  ],
  intersection: [
    typebox(Type.Intersect([Type.Object({ id: Type.Integer() }), Type.Object({ note: Type.Optional(Type.String()) })])),
    sinclair(
      Old.Intersect([Old.Object({ id: Old.Integer() }), Old.Object({ note: Old.Optional(Old.String()) })], {
        unevaluatedProperties: false,
      }),
    ),
  ],
  enumeration: [typebox(Type.Enum(["a", "b"])), sinclair(Old.Enum({ a: "a", b: "b" }))],
  pattern: [typebox(Type.String({ pattern: "^a" })), sinclair(Old.String({ pattern: "^a" }))],
  "a list that refers to itself": [
    typebox(
      Type.Cyclic(
        { Node: Type.Object({ id: Type.Integer(), next: Type.Union([Type.Ref("Node"), Type.Null()]) }) },
        "Node",
      ),
    ),
    sinclair(Old.Recursive((This) => Old.Object({ id: Old.Integer(), next: Old.Union([This, Old.Null()]) }))),
  ],
  "such a list in a property": [
    typebox(
      Type.Object({
        next: Type.Cyclic(
          { "a/b~c": Type.Object({ id: Type.Integer(), next: Type.Optional(Type.Ref("a/b~c")) }) },
          "a/b~c",
        ),
      }),
    ),
    sinclair(
      Old.Object({
        next: Old.Recursive((This) => Old.Object({ id: Old.Integer(), next: Old.Optional(This) })),
      }),
    ),
  ],
  "references into a named type": [
    typebox(
      Type.Object({
        next: Type.Unsafe({
          $id: "Named",
          properties: { id: { $ref: "#/$defs/n" } },
          $defs: { n: { type: "integer" } },
        }),
      }),
    ),
    sinclair(
      Old.Object({
        next: Old.Recursive((This) => Old.Object({ id: Old.Integer(), next: Old.Optional(This) }), { $id: "Named" }),
      }),
    ),
  ],
  module: [
    typebox(Type.Module({ A: Type.Object({ next: Type.Ref("B") }), B: Type.Object({ id: Type.Integer() }) }).A),
    sinclair(Old.Module({ A: Old.Object({ next: Old.Ref("B") }), B: Old.Object({ id: Old.Integer() }) }).Import("A")),
  ],
};

const values: readonly unknown[] = [
  {},
  { id: 1 },
  { id: 1.5 },
  { id: 1, note: "n" },
  { id: 1, note: 2 },
  { id: 1, extra: true },
  { id: 1, next: null },
  { id: 1, next: { id: 2, next: null } },
  { id: 1, next: { id: "2", next: null } },
  { next: { id: 1 } },
  { next: { id: 1, next: { id: 2 } } },
  { next: { id: 1, next: { id: "2" } } },
  { 1: 2 },
  { 1: "2" },
  { a: 2 },
  [],
  ["a"],
  ["a", 1],
  ["a", 1, 2],
  [1, "a"],
  [true, false],
  "a",
  "b",
  "ba",
  1,
  null,
  true,
];

const accepts = async (schema: PayloadSchema, value: unknown) => (await validate(schema, value)).ok;

describe.each(Object.entries(types))("TypeBox, %s", (_name, versions) => {
  it.each([
    ["typebox", versions[0]],
    ["@sinclair/typebox", versions[1]],
  ] as const)("of %s: its JSON Schema accepts what it accepts", async (vendor, schema) => {
    expect(schema["~standard"].vendor).toBe(vendor);
    const judge = new Ajv2020({ strict: true, strictTypes: false, strictTuples: false }).compile(
      toJsonSchema(schema, "it") as object,
    );
    const told: boolean[] = [];
    for (const value of values) {
      const ok = await accepts(schema, value);
      expect([value, judge(value)]).toEqual([value, ok]);
      told.push(ok);
    }
    expect(new Set(told).size, "some values fit and some do not").toBe(2);
    expect(compareSchemas(toJsonSchema(schema, "it"), toJsonSchema(schema, "it")).backward.verdict).toBe("yes");
  });
});

describe.each([
  {
    vendor: "typebox",
    list: () => typebox(Type.Object({ items: Type.Array(Type.Object({ price: Type.Number(), at: Type.String() })) })),
    notJson: [typebox(Type.Object({ a: Type.Array(Type.BigInt()) })), typebox(Type.Undefined())],
    decoding: (decode: (text: string) => unknown) =>
      typebox(Type.Object({ at: Type.Codec(Type.String()).Decode(decode).Encode(String) })),
  },
  {
    vendor: "@sinclair/typebox",
    list: () => sinclair(Old.Object({ items: Old.Array(Old.Object({ price: Old.Number(), at: Old.String() })) })),
    notJson: [sinclair(Old.Object({ a: Old.Array(Old.Date()) })), sinclair(Old.Uint8Array())],
    decoding: (decode: (text: string) => unknown) =>
      sinclair(Old.Object({ at: Old.Transform(Old.String()).Decode(decode).Encode(String) })),
  },
])("$vendor", ({ list, notJson, decoding }) => {
  it("says where a value does not fit", async () => {
    const result = await validate(list(), {
      items: [
        { price: 1, at: "" },
        { price: "1", at: "" },
      ],
    });
    expect(result).toMatchObject({ ok: false, issues: [{ path: "items[1].price" }] });
  });

  it("refuses types that JSON has not", () => {
    for (const schema of notJson)
      expect(() => toJsonSchema(schema, "Revision 1 of a")).toThrow(
        /^Revision 1 of a cannot be written as JSON Schema: .* of type (bigint|undefined|Date|Uint8Array), which is not JSON/,
      );
  });

  it("stores the encoded form and hands out the decoded one, without touching the caller's payload", async () => {
    const contract = contractOf(task("a").payload(decoding((text) => new Date(text)) as PayloadSchema));
    const payload = { at: "2017-12-24T00:00:00.000Z" };
    const { text } = await storePayload(contract, payload);
    expect(payload.at).toBe("2017-12-24T00:00:00.000Z");
    expect(text).toBe('{"at":"2017-12-24T00:00:00.000Z"}');
    expect(await readPayload(contract, 1, JSON.parse(text))).toEqual({ at: new Date("2017-12-24") });
  });

  it("refuses what its decoder refuses", async () => {
    const schema = decoding(() => {
      throw new Error("no such day");
    });
    expect(await validate(schema, { at: "x" })).toMatchObject({
      ok: false,
      issues: [{ message: expect.stringContaining("no such day") }],
    });
  });
});

it("infers what goes in and what comes out", () => {
  const both = [
    task("a").payload(
      typebox(
        Type.Object({
          id: Type.Integer(),
          note: Type.Optional(Type.String()),
          at: Type.Codec(Type.String())
            .Decode((text) => new Date(text))
            .Encode((date) => date.toISOString()),
        }),
      ),
    ),
    task("a").payload(
      sinclair(
        Old.Object({
          id: Old.Integer(),
          note: Old.Optional(Old.String()),
          at: Old.Transform(Old.String())
            .Decode((text) => new Date(text))
            .Encode((date) => date.toISOString()),
        }),
      ),
    ),
  ] as const;
  expectTypeOf<InputOf<(typeof both)[0]>>().toEqualTypeOf<{ id: number; note?: string; at: string }>();
  expectTypeOf<OutputOf<(typeof both)[0]>>().toEqualTypeOf<{ id: number; note?: string; at: Date }>();
  expectTypeOf<InputOf<(typeof both)[1]>>().toEqualTypeOf<{ id: number; note?: string; at: string }>();
  expectTypeOf<OutputOf<(typeof both)[1]>>().toEqualTypeOf<{ id: number; note?: string; at: Date }>();
});

it("a payload that is not JSON is an error of the compiler", () => {
  // @ts-expect-error A bigint is not JSON
  expect(() => task("a").payload(typebox(Type.BigInt()))).not.toThrow();
});

it("a type that refers to itself is the same schema every time it is built", () => {
  const build = () => toJsonSchema(sinclair(Old.Recursive((This) => Old.Object({ next: Old.Optional(This) }))), "it");
  expect(build()).toEqual(build());
});

it("a pattern may be a RegExp, without flags that JSON Schema has not", () => {
  expect(toJsonSchema(typebox(Type.String({ pattern: /^a/ })), "it")).toEqual({ type: "string", pattern: "^a" });
  expect(() => toJsonSchema(typebox(Type.String({ pattern: /^a/i })), "it")).toThrow("/^a/i has flags");
});

it("tells what is of another library", () => {
  expect(() => typebox(z.object({}))).toThrow("typebox() is for types of TypeBox");
  expect(() => typebox(Old.Object({}))).toThrow("taskmaster/sinclair-typebox");
  expect(() => sinclair(Type.Object({}) as never)).toThrow("taskmaster/typebox");
  expect(() => sinclair(z.object({}) as never)).toThrow("for types of @sinclair/typebox");
});
