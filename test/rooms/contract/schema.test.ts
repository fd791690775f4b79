import { toStandardJsonSchema } from "@valibot/to-json-schema";
import { type } from "arktype";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { readPayload, storePayload } from "../../../src/contract/payload.ts";
import {
  NotASchemaError,
  type PayloadSchema,
  SchemaConversionError,
  toJsonSchema,
  validate,
} from "../../../src/contract/schema.ts";
import { contractOf, task } from "../../../src/contract/task.ts";

/** The same payload, in each of the libraries. */
const libraries: readonly (readonly [string, PayloadSchema])[] = [
  ["zod", z.object({ id: z.number(), tags: z.array(z.object({ name: z.string() })), note: z.string().optional() })],
  [
    "valibot",
    toStandardJsonSchema(
      v.object({ id: v.number(), tags: v.array(v.object({ name: v.string() })), note: v.optional(v.string()) }),
    ),
  ],
  ["arktype", type({ id: "number", tags: type({ name: "string" }).array(), "note?": "string" })],
];

describe.each(libraries)("%s", (vendor, schema) => {
  const contract = contractOf(task("t").payload(schema));

  test("says what it accepts as JSON Schema", () => {
    expect(schema["~standard"].vendor).toBe(vendor);
    expect(toJsonSchema(schema, "it")).toMatchObject({
      type: "object",
      properties: {
        id: { type: "number" },
        tags: { type: "array", items: { type: "object", properties: { name: { type: "string" } } } },
        note: { type: "string" },
      },
      required: expect.arrayContaining(["id", "tags"]),
    });
    expect(toJsonSchema(schema, "it")).not.toHaveProperty("$schema");
  });

  test("a payload goes through the queue and comes back, less what is not declared", async () => {
    const stored = await storePayload(contract, { id: 1, tags: [{ name: "a", x: 1 }], y: 2 });
    expect(JSON.parse(stored.text)).toEqual({ id: 1, tags: [{ name: "a" }] });
    expect(await readPayload(contract, 1, JSON.parse(stored.text))).toEqual({ id: 1, tags: [{ name: "a" }] });
  });

  test("its issues are told with their paths", () => {
    expect(validate(schema, { id: "1", tags: [{ name: "a" }, { name: 2 }] })).toMatchObject({
      ok: false,
      issues: expect.arrayContaining([
        { path: "id", message: expect.any(String) },
        { path: "tags[1].name", message: expect.any(String) },
      ]),
    });
  });
});

/** A schema of a library that cannot say what it accepts. */
function mute(vendor: string): PayloadSchema {
  return { "~standard": { version: 1, vendor, validate: (value) => ({ value }) } };
}

test.each([
  ["valibot", /Wrap it: .*@valibot\/to-json-schema.*toStandardJsonSchema\(schema\)/],
  ["zod", /npm install zod@\^4\.2/],
  ["arktype", /npm install arktype@\^2\.1\.28/],
  ["effect", /Standard JSON Schema/],
])("a schema of %s without a converter is told what to do", (vendor, advice) => {
  const message = () => toJsonSchema(mute(vendor), "Revision 2 of mail");
  expect(message).toThrow(SchemaConversionError);
  expect(message).toThrow(advice);
  expect(message).toThrow(new RegExp(`^Revision 2 of mail has a schema of ${vendor} that cannot say what it accepts`));
});

test("a valibot schema that nobody wrapped is such a one", () => {
  expect(() => toJsonSchema(v.object({ a: v.string() }), "It")).toThrow(/toStandardJsonSchema\(schema\)/);
});

test.each([
  ["zod", z.object({ at: z.date() })],
  ["zod", z.object({ at: z.bigint() })],
  ["zod", z.object({ at: z.map(z.string(), z.string()) })],
  ["valibot", toStandardJsonSchema(v.object({ at: v.date() }))],
] as const)("a schema of %s that describes no JSON is refused, with what to write", (_, schema) => {
  expect(() => toJsonSchema(schema as PayloadSchema, "Revision 1 of mail")).toThrow(SchemaConversionError);
  expect(() => toJsonSchema(schema as PayloadSchema, "Revision 1 of mail")).toThrow(
    /^Revision 1 of mail cannot be written as JSON Schema: .*describe its JSON form/s,
  );
});

test("of ArkType, which describes such a thing as anything, the payload itself is refused", () => {
  const contract = contractOf(task("t").payload(type({ at: "bigint" }) as PayloadSchema));
  expect(contract.revisions[0].jsonSchema()).toMatchObject({ properties: { at: {} } });
  expect(() => storePayload(contract, { at: 1n })).toThrow(/is not JSON at \.at: a BigInt has no JSON form/);
});

test("a schema is converted when somebody asks, not when its task is written", () => {
  const contract = contractOf(task("t").payload(mute("slow") as PayloadSchema<{ a: string }>));
  expect(() => contract.revisions[0].jsonSchema()).toThrow(SchemaConversionError);
  expect(() => storePayload(contract, { a: "x" })).toThrow(SchemaConversionError);
});

test.each([undefined, null, {}, "string", { type: "object" }, () => true, { "~standard": {} }] as unknown[])(
  "%o is no schema, and the error names adapters",
  (schema) => {
    expect(() => task("t").payload(schema as PayloadSchema)).toThrow(NotASchemaError);
    expect(() => task("t").payload(schema as PayloadSchema)).toThrow(
      /^Revision 1 of t is not described by a Standard Schema/,
    );
  },
);

test("paths of symbols and path segments are told too", () => {
  const schema: PayloadSchema = {
    "~standard": {
      version: 1,
      vendor: "own",
      validate: () => ({ issues: [{ message: "no", path: [{ key: "a" }, 0, Symbol("s")] }, { message: "never" }] }),
    },
  };
  expect(validate(schema, 1)).toEqual({
    ok: false,
    issues: [
      { path: "a[0].Symbol(s)", message: "no" },
      { path: "", message: "never" },
    ],
  });
});
