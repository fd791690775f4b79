import { type } from "arktype";
import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import type { JsonSchema } from "../../../src/contract/json-schema.ts";
import { type PayloadSchema, toJsonSchema } from "../../../src/contract/schema.ts";
import { leftOut, wireOf } from "../../../src/contract/wire.ts";
import { slowness } from "../../setup/slowness.ts";

function pruned(schema: PayloadSchema, value: unknown): unknown {
  const json = toJsonSchema(schema, "it");
  const wire = wireOf(json);
  const result = wire.prune(value);
  expect(pruneUndeclared(value, { allOf: [json] })).toEqual(result); // the fast way is the same way
  if (result !== value) expect(wire.standsAlone(value, result)).toBe(true);
  return result;
}

function pruneUndeclared(value: unknown, schema: JsonSchema): unknown {
  return wireOf(schema).prune(value);
}

const names = ["a", "b", "c", "__x", "constructor", "toString"] as const;
const anything = fc.jsonValue({ maxDepth: 3 }).filter((value) => !JSON.stringify(value).includes("__proto__"));

/** Trees of z.object, arrays, tuples, optional and nullable parts. */
const { tree } = fc.letrec<{ tree: z.ZodType }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    fc.constantFrom<z.ZodType>(z.string(), z.number(), z.boolean(), z.null(), z.literal("x"), z.enum(["p", "q"])),
    fc.dictionary(fc.constantFrom(...names), tie("tree"), { maxKeys: 4, noNullPrototype: true }).map(z.object),
    fc.dictionary(fc.constantFrom(...names), tie("tree"), { maxKeys: 4, noNullPrototype: true }).map(z.object),
    tie("tree").map((item) => z.array(item)),
    fc.array(tie("tree"), { minLength: 1, maxLength: 3 }).map((items) => z.tuple(items as [z.ZodType])),
    tie("tree").map((inner) => inner.nullable()),
    tie("tree").map((inner) => inner.optional()),
  ),
}));

/** A value that the schema accepts, with properties strewn in that it does not declare. */
function fitting(schema: z.ZodType): fc.Arbitrary<unknown> {
  if (schema instanceof z.ZodString) return fc.string({ maxLength: 3 });
  if (schema instanceof z.ZodNumber) return fc.integer();
  if (schema instanceof z.ZodBoolean) return fc.boolean();
  if (schema instanceof z.ZodNull) return fc.constant(null);
  if (schema instanceof z.ZodLiteral) return fc.constantFrom(...schema.values);
  if (schema instanceof z.ZodEnum) return fc.constantFrom(...schema.options);
  if (schema instanceof z.ZodNullable) return fc.option(fitting(schema.unwrap() as z.ZodType));
  if (schema instanceof z.ZodOptional) return fc.option(fitting(schema.unwrap() as z.ZodType), { nil: undefined });
  if (schema instanceof z.ZodArray) return fc.array(fitting(schema.element as z.ZodType), { maxLength: 3 });
  if (schema instanceof z.ZodTuple) return fc.tuple(...schema.def.items.map((item) => fitting(item as z.ZodType)));
  if (schema instanceof z.ZodUnion) return fc.oneof(...schema.options.map((option) => fitting(option as z.ZodType)));
  if (schema instanceof z.ZodObject) {
    const declared = Object.entries(schema.shape as Record<string, z.ZodType>);
    return fc
      .tuple(
        fc.tuple(...declared.map(([, inner]) => fitting(inner))),
        fc.dictionary(fc.constantFrom("x1", "x2", "x3"), anything, { maxKeys: 2, noNullPrototype: true }),
      )
      .map(([values, extra]) => ({
        ...extra,
        ...Object.fromEntries(declared.map(([key], index) => [key, values[index]] as const)),
      }));
  }
  throw new Error(`No value for ${schema.def.type}.`);
}

/** As JSON has it: no undefined. */
const asJson = (value: unknown) => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)));

test("of plain objects it leaves exactly what zod's own strip leaves", () => {
  fc.assert(
    fc.property(
      tree.chain((schema) => fc.tuple(fc.constant(schema), fitting(schema))),
      ([schema, value]) => {
        const json = asJson(value);
        fc.pre(schema.safeParse(json).success); // an undefined in a tuple is null as JSON
        const result = pruned(schema, json);
        expect(result).toEqual(schema.parse(json));
      },
    ),
    { numRuns: 500 },
  );
});

/** The same with unions: zod strips by the first member that fits, we keep what any member that may fit declares. */
const unions = fc.array(tree, { minLength: 1, maxLength: 4 }).map((members) => z.union(members as [z.ZodType]));

test("of unions it leaves what zod accepts, and no less than zod itself leaves", () => {
  fc.assert(
    fc.property(
      unions.chain((schema) => fc.tuple(fc.constant(schema), fitting(schema))),
      ([schema, value]) => {
        const json = asJson(value);
        fc.pre(schema.safeParse(json).success);
        const result = pruned(schema, json);
        expect(schema.parse(result)).toEqual(schema.parse(json));
      },
    ),
    { numRuns: 500 },
  );
});

test("scalars, unknown places and free-form records stay as they are", () => {
  fc.assert(
    fc.property(anything, (value) => {
      expect(pruned(z.unknown(), value)).toEqual(value);
      expect(pruned(z.object({ data: z.any() }), { data: value })).toEqual({ data: value });
      expect(pruned(z.record(z.string(), z.unknown()), { key: value })).toEqual({ key: value });
      expect(pruned(z.array(z.json()), [value])).toEqual([value]);
      expect(pruned(z.looseObject({ a: z.number() }), { a: 1, other: value })).toEqual({ a: 1, other: value });
      expect(pruned(z.object({ a: z.number() }).catchall(z.json()), { a: 1, b: value })).toEqual({ a: 1, b: value });
      expect(pruneUndeclared(value, true)).toEqual(value);
      expect(pruneUndeclared(value, {})).toEqual(value);
    }),
  );
});

test("what is below a record is pruned by the record's own schema", () => {
  const schema = z.record(z.string(), z.object({ a: z.number() }));
  expect(pruned(schema, { one: { a: 1, b: 2 } })).toEqual({ one: { a: 1 } });
});

test("the parts of an intersection declare together", () => {
  const schema = z
    .object({ a: z.object({ x: z.number() }) })
    .and(z.object({ a: z.object({ y: z.number() }), b: z.string() }));
  expect(pruned(schema, { a: { x: 1, y: 2, z: 3 }, b: "b", c: 1 })).toEqual({ a: { x: 1, y: 2 }, b: "b" });
});

test("tuples: each item by its own schema, what follows by the rest's", () => {
  const schema = z.tuple([z.object({ a: z.number() }), z.object({ b: z.number() })]).rest(z.object({ c: z.number() }));
  const all = { a: 1, b: 2, c: 3, d: 4 };
  expect(pruned(schema, [all, all, all, all])).toEqual([{ a: 1 }, { b: 2 }, { c: 3 }, { c: 3 }]);
});

test("of a discriminated union, the other members declare nothing", () => {
  const schema = z.discriminatedUnion("kind", [
    z.object({ kind: z.literal("mail"), to: z.string(), at: z.object({ from: z.number() }) }),
    z.object({ kind: z.literal("text"), number: z.string(), at: z.object({ until: z.number() }) }),
  ]);
  const at = { from: 1, until: 2 };
  expect(pruned(schema, { kind: "mail", to: "a", number: "1", at })).toEqual({
    kind: "mail",
    to: "a",
    at: { from: 1 },
  });
  expect(pruned(schema, { kind: "text", to: "a", number: "1", at })).toEqual({
    kind: "text",
    number: "1",
    at: { until: 2 },
  });
});

test("a place that one member of a union leaves open is open", () => {
  const narrow = z.object({ a: z.object({ x: z.number() }), list: z.array(z.object({ x: z.number() })) });
  const value = { a: { x: 1, y: 2 }, list: [{ x: 1, y: 2 }], b: 3 };
  expect(pruned(z.union([narrow, z.any()]), value)).toEqual(value);
  expect(pruned(z.union([narrow, z.record(z.string(), z.any())]), value)).toEqual(value);
  const open = (schema: JsonSchema) => pruneUndeclared(value, { anyOf: [toJsonSchema(narrow, "it"), schema] });
  for (const schema of [true, {}, { type: "object" }, { type: "object", additionalProperties: true }])
    expect(open(schema)).toEqual(value);
  expect(
    pruneUndeclared([{ x: 1 }], { anyOf: [{ type: "array" }, { type: "array", items: { properties: {} } }] }),
  ).toEqual([{ x: 1 }]);
});

test("patterns, conditions and dependencies declare too", () => {
  const wide = { type: "object", properties: { y: { type: "number" } } };
  const pattern = { type: "object", properties: { ab: { properties: { x: {} } } }, patternProperties: { "^a": wide } };
  expect(pruneUndeclared({ ab: { x: 1, y: 2, z: 3 } }, pattern)).toEqual({ ab: { x: 1, y: 2 } });
  const conditions: JsonSchema[] = [
    { if: { required: ["none"] }, else: wide },
    JSON.parse('{ "if": { "required": ["x"] }, "then": { "type": "object", "properties": { "y": {} } } }'),
    JSON.parse('{ "if": { "properties": { "y": {} } }, "then": { "minProperties": 1 } }'),
  ];
  for (const condition of conditions)
    expect(pruneUndeclared({ x: 1, y: 2, z: 3 }, { properties: { x: {} }, ...(condition as object) })).toEqual({
      x: 1,
      y: 2,
    });
  expect(pruneUndeclared({ x: 1, y: 2, z: 3 }, { properties: { x: {} }, dependentSchemas: { x: wide } })).toEqual({
    x: 1,
    y: 2,
  });
});

test("what a schema demands without describing it is declared", () => {
  const schema: JsonSchema = { type: "object", properties: { x: {} }, required: ["x", "y"] };
  expect(pruneUndeclared({ x: 1, y: 2, z: 3 }, schema)).toEqual({ x: 1, y: 2 });
});

test.each<readonly [string, JsonSchema, unknown, unknown]>([
  [
    "a oneOf of which it then meets two members",
    {
      oneOf: [
        { type: "object", properties: { b: { enum: [""] } } },
        { type: "object", properties: { a: { type: "string" } } },
      ],
    },
    { b: "abc" },
    {},
  ],
  [
    "a count that only undescribed properties meet",
    { type: "object", properties: { a: {}, b: {} }, minProperties: 1 },
    { c: 1 },
    {},
  ],
  ["a negation", { type: "object", properties: { a: {} }, not: { maxProperties: 1 } }, { a: 1, c: 1 }, { a: 1 }],
  [
    "items that then no longer differ",
    { type: "array", uniqueItems: true, items: { type: "object", properties: { a: {} } } },
    [{ a: 1 }, { a: 1, c: 1 }],
    [{ a: 1 }, { a: 1 }],
  ],
  [
    "a condition that then no longer holds",
    JSON.parse(
      '{ "type": "object", "properties": {}, "if": { "minProperties": 2 }, "then": { "properties": { "b": {} } } }',
    ),
    { b: 1, c: 1 },
    { b: 1 },
  ],
])("what a payload cannot do without is found out: %s", (_, schema, value, kept) => {
  const wire = wireOf(schema);
  expect(wire.prune(value)).toEqual(kept);
  expect(wire.standsAlone(value, wire.prune(value))).toBe(false);
});

test("what further properties are described by stays: nothing that a schema provides for is left out", () => {
  const schemas: JsonSchema[] = [
    { type: "object", properties: { x: {} }, additionalProperties: { type: "number" }, minProperties: 2 },
    { type: "object", patternProperties: { "^[yz]$": {} }, properties: { x: {} }, minProperties: 3 },
    { type: "object", properties: { x: {} }, minProperties: 2 },
    { type: "object", properties: { x: {} }, unevaluatedProperties: { type: "number" } },
    { type: "object", properties: { x: {} }, dependentRequired: { x: ["y", "z"] } },
    { type: "object", properties: { x: {} }, anyOf: [{ required: ["y"] }, { required: ["z"] }] },
  ];
  for (const schema of schemas) expect(pruneUndeclared({ x: 1, y: 2, z: 3 }, schema)).toEqual({ x: 1, y: 2, z: 3 });
});

test("what was left out is named by its place", () => {
  const value = { a: { x: 1, y: 2 }, list: [{ x: 1, y: 2 }], b: 3 };
  expect(leftOut(value, { a: { x: 1 }, list: [{ x: 1 }] })).toEqual(["a.y", "list[0].y", "b"]);
});

test("index signatures of ArkType declare what they match, beside what is named", () => {
  const schema = type({ "ab?": { x: "number" }, "[/^a/]": { "y?": "number", "x?": "number" } });
  expect(pruned(schema, { ab: { x: 1, y: 2 } })).toEqual({ ab: { x: 1, y: 2 } });
});

const expression = z.lazy((): z.ZodType => {
  const sides = { left: expression, right: expression };
  return z.discriminatedUnion("op", [
    z.object({ op: z.literal("number"), value: z.number() }),
    ...["+", "-", "*", "/", "="].map((op) => z.object({ op: z.literal(op), ...sides })),
  ]);
});

test("recursive unions are followed as deep as they go, in time that grows with the payload", () => {
  let value: unknown = { op: "number", value: 1, note: "x" };
  let clean: unknown = { op: "number", value: 1 };
  for (let level = 0; level < 60; level++) {
    value = { op: "+", left: value, right: { op: "number", value: 2, note: "y" }, note: "z" };
    clean = { op: "+", left: clean, right: { op: "number", value: 2 } };
  }
  const startedAt = performance.now();
  expect(pruned(expression, value)).toEqual(clean);
  expect(performance.now() - startedAt).toBeLessThan(1_000 * slowness());
});

test("recursive schemas without discriminators are followed in the same way", () => {
  const node: z.ZodType = z.lazy(() =>
    z.union([
      z.object({ name: z.string(), children: z.array(node) }),
      z.object({ name: z.string(), child: node.optional() }),
      z.object({ name: z.string(), other: node.optional() }),
    ]),
  );
  const startedAt = performance.now();
  const line = (depth: number): unknown =>
    depth === 0 ? { name: "leaf", more: 1 } : { name: "n", child: line(depth - 1), more: 1 };
  const stripped = (depth: number): unknown =>
    depth === 0 ? { name: "leaf" } : { name: "n", child: stripped(depth - 1) };
  expect(pruned(node, line(40))).toEqual(stripped(40));
  expect(performance.now() - startedAt).toBeLessThan(1_000 * slowness());
});

test("references: to the root, with escaped names, to each other, to nowhere", () => {
  const schema: JsonSchema = {
    type: "object",
    properties: { self: { $ref: "#" }, odd: { $ref: "#/$defs/a~1b%20c" }, lost: { $ref: "#/$defs/none" } },
    $defs: { "a/b c": { type: "object", properties: { x: {} } }, loop: { $ref: "#/$defs/loop" } },
  };
  expect(pruneUndeclared({ self: { self: {}, z: 1 }, odd: { x: 1, z: 1 }, lost: { z: 1 }, z: 1 }, schema)).toEqual({
    self: { self: {} },
    odd: { x: 1 },
    lost: { z: 1 },
  });
  const loop: JsonSchema = {
    $ref: "#/$defs/a",
    $defs: { a: { anyOf: [{ $ref: "#/$defs/a" }, { $ref: "#/$defs/a" }] } },
  };
  expect(pruneUndeclared({ z: 1 }, loop)).toBeDefined(); // it says nothing, and must not hang
});
