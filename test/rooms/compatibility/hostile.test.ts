import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareSchemas } from "../../../src/contract/compatibility/compatibility.ts";
import type { JsonSchema } from "../../../src/contract/json-schema.ts";
import { slowness } from "../../setup/slowness.ts";

fc.configureGlobal({ seed: Number(process.env.SEED ?? 1) });

/** Generous: the machine may be busy. Without a budget each of these would take hours. */
const limit = 8_000 * slowness();

function timed(older: unknown, newer: unknown) {
  const start = performance.now();
  const found = compareSchemas(older as JsonSchema, newer as JsonSchema);
  expect(performance.now() - start).toBeLessThan(limit);
  return [found.backward.verdict, found.forward.verdict];
}

const text = { type: "string" };

function nested(depth: number, make: (inner: object) => object, inner: object = text): object {
  let schema = inner;
  for (let level = 0; level < depth; level++) schema = make(schema);
  return schema;
}

function condition(asked: object, holding: object, failing: object): object {
  const parts = [asked, holding, failing];
  return Object.fromEntries("if then else".split(" ").map((keyword, index) => [keyword, parts[index]]));
}

describe("neither crashes nor hangs", () => {
  test("on what is no schema", () => {
    const values = fc.oneof(fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true }), fc.jsonValue());
    fc.assert(
      fc.property(values, values, (older, newer) => {
        timed(older, newer);
        timed({ type: "object", properties: older }, { type: "object", properties: newer });
      }),
      { numRuns: Number(process.env.RUNS ?? 300) },
    );
  });

  test("on keywords with any value at all", () => {
    const keywords =
      "type enum const properties required additionalProperties patternProperties propertyNames items prefixItems contains minContains " +
      "allOf anyOf oneOf not if then else $ref $id $anchor $defs dependentRequired dependencies minLength maximum multipleOf pattern format";
    const junk = fc.dictionary(fc.constantFrom(...keywords.split(" ")), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 5 });
    fc.assert(
      fc.property(junk, junk, (older, newer) => {
        timed(older, newer);
      }),
      { numRuns: Number(process.env.RUNS ?? 500) },
    );
  });

  const self: { [keyword: string]: unknown } = { type: "object" };
  self.properties = { self };
  const cyclic = () => {
    const one: { [keyword: string]: unknown } = { type: "object", minProperties: 1 };
    one.properties = { a: one, b: one };
    one.const = one;
    return one;
  };
  const thrower = {
    get type() {
      throw new Error("not data");
    },
  };
  const endless: object = new Proxy({}, { get: () => endless, ownKeys: () => ["properties"], has: () => true });
  const wide = (prefix: string) => ({
    oneOf: Array.from({ length: 60 }, (_, index) => ({
      type: "object",
      properties: Object.fromEntries(Array.from({ length: 20 }, (_, key) => [`${prefix}${(index + key) % 25}`, text])),
    })),
  });

  test.each<readonly [string, unknown, unknown]>([
    ["an object that holds itself", self, { ...self, minProperties: 1 }],
    ["two objects that hold themselves twice", cyclic(), cyclic()],
    ["a getter that throws", thrower, text],
    ["a proxy without end", endless, text],
    [
      "references in a circle",
      { $ref: "#/$defs/a", $defs: { a: { $ref: "#/$defs/b" }, b: { $ref: "#/$defs/a" } } },
      text,
    ],
    ["a union of itself", { anyOf: [{ $ref: "#" }, { $ref: "#" }, text] }, { oneOf: [{ $ref: "#" }, { $ref: "#" }] }],
    ["what refers to its own negation", { not: { $ref: "#" } }, { not: { not: { $ref: "#" } } }],
    [
      "ten thousand levels",
      nested(10_000, (inner) => ({ type: "array", items: inner })),
      nested(10_000, (inner) => ({ items: inner })),
    ],
    ["ten thousand references to nowhere", nested(10_000, (inner) => ({ allOf: [inner, { $ref: "#/nope" }] })), text],
    [
      "unions within unions",
      nested(12, (inner) => ({ oneOf: [inner, { properties: { a: inner } }, { items: inner }] })),
      nested(12, (inner) => ({ oneOf: [{ items: inner }, inner, { properties: { b: inner } }] })),
    ],
    ["overlapping variants by the dozen", wide("a"), wide("b")],
    [
      "conditions within conditions",
      nested(14, (inner) => condition(inner, { not: inner }, inner)),
      nested(14, (inner) => condition({ not: inner }, inner, { not: inner })),
    ],
    ["a pattern that backtracks for ever", { pattern: "^(a+)+$", minLength: 40 }, { pattern: "^(a|a)*b$" }],
    ["a pattern with a look-ahead that does", { pattern: "^(?=(a+)+$)", minLength: 60 }, { pattern: "(a*)*\\1c" }],
    [
      "a pattern with a great many states",
      { pattern: "^(a{1,200}b{1,200}){1,200}$" },
      { pattern: "^([ab]{3}){1,900}$" },
    ],
    ["a pattern that multiplies states", { pattern: "[ab]*a[ab]{18}$" }, { pattern: "^[ab]*b[ab]{18}" }],
    ["lengths beyond memory", { type: "string", minLength: 2 ** 40 }, { type: "string", minLength: 2 ** 41 }],
    ["arrays beyond memory", { type: "array", minItems: 2 ** 40 }, { type: "array", minItems: 2 ** 41 }],
    ["objects beyond memory", { type: "object", minProperties: 2 ** 40 }, { type: "object", minProperties: 2 ** 41 }],
    ["numbers beyond 2^53", { maximum: 1e308, multipleOf: 1e-300 }, { minimum: -1e308, multipleOf: 3e200 }],
    [
      "a long enumeration",
      { enum: Array.from({ length: 5_000 }, (_, value) => value) },
      { enum: Array.from({ length: 5_000 }, (_, value) => `${value}`) },
    ],
    [
      "names that are special",
      JSON.parse(
        '{"type":"object","properties":{"__proto__":{"type":"string"},"constructor":{},"toString":{}},"required":["__proto__"]}',
      ),
      { type: "object", properties: { constructor: { type: "number" } }, required: ["toString"] },
    ],
  ])("on %s", (_, older, newer) => {
    timed(older, newer);
    timed(newer, older);
    timed(older, { allOf: [newer] });
  });
});

describe("is not fooled", () => {
  test.each<readonly [string, unknown, unknown, readonly [string, string]]>([
    [
      "by equal names with different targets",
      { $ref: "#/$defs/a", $defs: { a: text } },
      { $ref: "#/$defs/a", $defs: { a: { type: "number" } } },
      ["no", "no"],
    ],
    [
      "by a reference into an annotation",
      { $ref: "#/x-shapes/a", "x-shapes": { a: text } },
      { $ref: "#/x-shapes/a", "x-shapes": { a: { type: "number" } } },
      ["no", "no"],
    ],
    ["by no schemas at all", 5, 5, ["unknown", "unknown"]],
    [
      "by a reference to nowhere",
      { properties: { a: { $ref: "#/nope" } } },
      { properties: { a: { $ref: "#/nope" } }, minProperties: 0 },
      ["unknown", "unknown"],
    ],
    [
      "by schemas that are the same but for what their references lead to",
      { $ref: "#/$defs/a", $defs: { a: { items: { $ref: "#/$defs/b" } }, b: text } },
      { $ref: "#/$defs/a", $defs: { a: { items: { $ref: "#/$defs/b" } }, b: { type: "number" } } },
      ["no", "no"],
    ],
    [
      "by names that look like annotations",
      { type: "object", properties: { id: text, title: text }, dependentRequired: { id: ["title"], title: ["id"] } },
      { type: "object", properties: { id: text, title: text }, dependentRequired: { id: ["id"], title: ["title"] } },
      ["yes", "no"],
    ],
    [
      "by an address that changes what a reference means",
      {
        $id: "http://a/b/",
        $defs: { x: { $id: "http://a/c", type: "string" }, y: { $id: "c", type: "number" } },
        allOf: [{ $ref: "c" }],
      },
      {
        $id: "http://a/b/",
        $defs: { x: { $id: "http://a/c", type: "string" }, y: { $id: "c", type: "number" } },
        allOf: [{ $id: "http://a/", $ref: "c" }],
      },
      ["no", "no"],
    ],
    [
      "by an outer unevaluatedProperties that an inner one leaves nothing to look at",
      {
        type: "object",
        properties: { a: text },
        allOf: [{ unevaluatedProperties: true }],
        unevaluatedProperties: false,
      },
      { type: "object", properties: { a: text }, unevaluatedProperties: false },
      ["no", "yes"],
    ],
    [
      "by keywords beside a $ref of draft 7",
      { $schema: "http://json-schema.org/draft-07/schema#", $ref: "#/definitions/a", definitions: { a: text } },
      {
        $schema: "http://json-schema.org/draft-07/schema#",
        $ref: "#/definitions/a",
        maxLength: 1,
        definitions: { a: text },
      },
      ["unknown", "yes"],
    ],
    [
      "by an impossible recursion",
      {
        $ref: "#/$defs/a",
        $defs: { a: { type: "object", properties: { a: { $ref: "#/$defs/a" } }, required: ["a"] } },
      },
      text,
      ["unknown", "no"],
    ],
    [
      "by patterns that overlap",
      { patternProperties: { "^a": text, b$: {} } },
      { patternProperties: { "^a": text, b$: { type: "number" } } },
      ["no", "yes"],
    ],
    [
      "by integers beyond 2^53",
      { type: "integer", maximum: 2 ** 60 },
      { type: "integer", maximum: 2 ** 60 - 128 },
      ["unknown", "yes"],
    ],
    ["by a required property named __proto__", JSON.parse('{"required":["__proto__"]}'), {}, ["yes", "no"]],
    [
      "by an annotation named like a keyword's part",
      { properties: { title: text } },
      { properties: { title: { type: "number" } } },
      ["no", "no"],
    ],
    [
      "by draft 3, where the property demands itself",
      { properties: { a: text } },
      { properties: { a: { ...text, required: true } } },
      ["unknown", "yes"],
    ],
  ])("%s", (_, older, newer, expected) => expect(timed(older, newer)).toEqual(expected));
});

test("five thousand comparisons of equal schemas take well under a second", () => {
  const schema = (note: string) => ({
    type: "object",
    description: note,
    properties: Object.fromEntries(
      Array.from({ length: 20 }, (_, index) => [
        `p${index}`,
        { anyOf: [{ type: "string", maxLength: index + 1 }, { type: "null" }], title: note },
      ]),
    ),
    required: ["p1", "p2"],
  });
  const [older, newer] = [schema("before"), schema("after")];
  const start = process.cpuUsage().user;
  for (let round = 0; round < 5_000; round++) compareSchemas(older, newer);
  expect((process.cpuUsage().user - start) / 1000).toBeLessThan(1_000 * slowness());
});
