import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BudgetSpent, budgetOf } from "../../../src/contract/compatibility/budget.ts";
import { isClosedPayload } from "../../../src/contract/compatibility/closed.ts";
import { evaluate } from "../../../src/contract/compatibility/evaluate.ts";
import { Node } from "../../../src/contract/compatibility/node.ts";
import type { Verdict } from "../../../src/contract/compatibility/truth.ts";
import type { JsonSchema } from "../../../src/contract/json-schema.ts";
import { judge } from "./judge.ts";
import { payloads, schemas } from "./schemas.ts";

fc.configureGlobal({ seed: Number(process.env.SEED ?? 1) });

function said(schema: JsonSchema, value: unknown) {
  try {
    return evaluate(Node.root(schema), value, budgetOf(5_000));
  } catch (error) {
    if (error instanceof BudgetSpent) return "unknown";
    throw error;
  }
}

test("says what Ajv says, or that it does not know", () => {
  let known = 0;
  let asked = 0;
  fc.assert(
    fc.property(schemas(), fc.array(payloads, { minLength: 20, maxLength: 20 }), (schema, values) => {
      const fits = judge(schema);
      for (const value of values) {
        const verdict = said(schema, value);
        const judged = fits(value);
        if (judged === undefined) continue;
        asked++;
        if (verdict === "unknown") continue;
        known++;
        expect([value, verdict]).toEqual([value, judged ? "yes" : "no"]);
      }
    }),
    { numRuns: Number(process.env.RUNS ?? 400) },
  );
  expect(known / asked).toBeGreaterThan(0.97);
});

describe("does not know", () => {
  test.each<readonly [string, JsonSchema, unknown]>([
    ["a keyword of a validator's plugin", { type: "string", transform: ["trim"] }, "a"],
    ["an unknown format", { type: "string", format: "shoe-size" }, "43"],
    ["the edges of a format", { type: "string", format: "email" }, "a@b"],
    ["a reference to nowhere", { $ref: "#/nope" }, "a"],
    ["a reference to elsewhere", { $ref: "https://example.com/schema.json" }, "a"],
    ["a reference to itself", { $ref: "#" }, "a"],
    ["whether nullable means null", { type: "string", nullable: true }, null],
    ["whether a default is filled in", { properties: { a: { default: 1 } }, required: ["a"] }, {}],
    ["a division that floating point gets wrong", { multipleOf: 0.1 }, 0.3],
    ["a constant beyond 2^53", { const: 2 ** 53 + 2 }, 2 ** 53 + 2],
    ["the length of a text beyond the basic plane", { maxLength: 1 }, "😀"],
    ["a malformed keyword", { minLength: "3" } as JsonSchema, "a"],
    ["a pattern that cannot be read", { pattern: "(?<n>a)\\k<n>" }, "aa"],
    ["a keyword of another draft", { $schema: "http://json-schema.org/draft-04/schema#", const: 1 }, 2],
  ])("%s", (_, schema, value) => expect(said(schema, value)).toBe("unknown"));
});

describe("older drafts", () => {
  const seven = "http://json-schema.org/draft-07/schema#";
  const four = "http://json-schema.org/draft-04/schema#";
  test.each<readonly [string, JsonSchema, unknown, Verdict]>([
    ["a tuple in items", { items: [{ type: "string" }], additionalItems: false }, ["a", 1], "no"],
    ["a tuple in items", { items: [{ type: "string" }] }, ["a", 1], "yes"],
    ["an exclusive bound as a boolean", { $schema: four, minimum: 1, exclusiveMinimum: true }, 1, "no"],
    ["definitions", { $ref: "#/definitions/a", definitions: { a: { type: "string" } } }, 1, "no"],
    [
      "keywords beside a $ref, which some validators obey and others do not",
      { $schema: seven, $ref: "#/definitions/a", maxLength: 1, definitions: { a: {} } },
      "ab",
      "unknown",
    ],
    ["keywords beside a $ref", { $ref: "#/definitions/a", maxLength: 1, definitions: { a: {} } }, "ab", "no"],
    ["dependencies", { $schema: seven, dependencies: { a: ["b"] } }, { a: 1 }, "no"],
    [
      "an anchor in $id",
      { $schema: seven, properties: { a: { $ref: "#x" } }, definitions: { x: { $id: "#x", type: "string" } } },
      { a: 1 },
      "no",
    ],
    ["a schema found by its $id", { $ref: "N", $defs: { N: { $id: "N", type: "string" } } }, 1, "no"],
    ["a schema found by its $anchor", { $ref: "#n", $defs: { N: { $anchor: "n", type: "string" } } }, 1, "no"],
  ])("%s", (_, schema, value, verdict) => expect(said(schema, value)).toBe(verdict));
});

describe("a producer may store", () => {
  const closed = (schema: JsonSchema, value: unknown) => isClosedPayload(Node.root(schema), value, budgetOf(10_000));
  const a = { type: "object", properties: { a: {} } };
  const b = { type: "object", properties: { b: {} }, required: ["b"] };

  test.each<readonly [string, JsonSchema, unknown, boolean]>([
    ["declared properties alone", a, { a: 1, b: 1 }, false],
    ["what a record takes", { type: "object", additionalProperties: {} }, { b: 1 }, true],
    ["what an object says nothing of", { type: "object" }, { b: 1 }, true],
    ["what any part of an intersection declares", { allOf: [a, b] }, { a: 1, b: 1 }, true],
    ["what a member of a union declares that fits", { anyOf: [a, b] }, { a: 1, b: 1 }, true],
    [
      "not what a member declares that does not fit",
      {
        anyOf: [
          { ...a, required: ["a"] },
          { ...b, required: ["c"] },
        ],
      },
      { a: 1, b: 1 },
      false,
    ],
    ["what stands below, likewise", { properties: { in: a } }, { in: { a: 1, b: 1 } }, false],
    [
      "what stands below, described in two places",
      { allOf: [{ properties: { in: a } }, { properties: { in: b } }] },
      { in: { a: 1, b: 1 } },
      true,
    ],
  ])("%s", (_, schema, value, verdict) => expect(closed(schema, value)).toBe(verdict));
});
