import { describe, expect, test } from "vitest";
import { z } from "zod";
import { payloadsOf } from "../../../src/check/payloads.ts";
import type { JsonSchema } from "../../../src/contract/json-schema.ts";
import { toJsonSchema } from "../../../src/contract/schema.ts";

const tree = z.object({
  name: z.string(),
  get children() {
    return z.array(tree).optional();
  },
});

describe("generated payloads", () => {
  test.each([
    ["an object", z.object({ id: z.number(), name: z.string(), at: z.iso.datetime().optional() })],
    ["formats", z.object({ email: z.email(), uuid: z.uuid(), url: z.url(), day: z.iso.date() })],
    [
      "bounds",
      z.object({ n: z.int().min(3).max(7), s: z.string().min(4).max(6), m: z.number().multipleOf(0.25).gt(10) }),
    ],
    [
      "a union",
      z.object({
        on: z.discriminatedUnion("kind", [
          z.object({ kind: z.literal("a") }),
          z.object({ kind: z.literal("b"), n: z.number() }),
        ]),
      }),
    ],
    ["enums and literals", z.object({ one: z.enum(["a", "b", "c"]), two: z.literal(7), three: z.null() })],
    ["lists", z.object({ list: z.array(z.string()).min(1).max(2), matrix: z.array(z.array(z.number())) })],
    ["records", z.record(z.string(), z.number())],
    ["a pattern", z.object({ code: z.string().regex(/^[A-Z]{3}-\d{4}$/) })],
    ["an intersection", z.intersection(z.object({ a: z.string() }), z.object({ b: z.number() }))],
    ["a tuple", z.tuple([z.string(), z.number()])],
    ["recursion", tree],
    ["strict", z.strictObject({ a: z.string(), b: z.boolean().nullable() })],
  ])("of %s fit it, and are several", (_, schema) => {
    const payloads = payloadsOf(toJsonSchema(schema as never, "it"));
    expect(payloads.filter((payload) => !(schema as z.ZodType).safeParse(payload).success)).toEqual([]);
    expect(payloads.length).toBeGreaterThan(1);
  });

  test("meet every value of an enum, every member of a union, and every optional field both ways", () => {
    const schema = z.object({
      kind: z.enum(["a", "b", "c"]),
      to: z.union([z.string(), z.number()]),
      note: z.string().optional(),
    });
    const payloads = payloadsOf(toJsonSchema(schema, "it")) as z.infer<typeof schema>[];
    expect(new Set(payloads.map(({ kind }) => kind))).toEqual(new Set(["a", "b", "c"]));
    expect(new Set(payloads.map(({ to }) => typeof to))).toEqual(new Set(["string", "number"]));
    expect(new Set(payloads.map(({ note }) => note === undefined))).toEqual(new Set([true, false]));
  });

  test("are the same each time", () => {
    const schema: JsonSchema = { type: "object", properties: { a: { type: "string" } } };
    expect(payloadsOf(schema)).toEqual(payloadsOf(schema));
  });
});
