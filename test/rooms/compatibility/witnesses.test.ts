import { describe, expect, test } from "vitest";
import { compareSchemas } from "../../../src/contract/compatibility/compatibility.ts";
import type { JsonSchema } from "../../../src/contract/json-schema.ts";
import { judge } from "./judge.ts";

/** Promise: what breaks is called breaking, with a payload that shows it, and not merely undecided. */

const list = { type: "array" };
const text = { type: "string" };

const breaking: readonly (readonly [string, JsonSchema, JsonSchema])[] = [
  [
    "items that are wanted become integers",
    { ...list, contains: { type: "number" } },
    { ...list, contains: { type: "integer" } },
  ],
  [
    "an integer is wanted among numbers",
    { ...list, items: { type: "number" }, minItems: 1 },
    { ...list, contains: { type: "integer" } },
  ],
  ["at most two of them are taken", { ...list, contains: text }, { ...list, contains: text, maxContains: 2 }],
  ["a look-ahead refuses a word", text, { ...text, pattern: "^(?!drop ).*$" }],
  ["a look-behind refuses an ending", text, { ...text, pattern: "(?<!\\.exe)$" }],
];

test.each(breaking)("%s", (_, older, newer) => {
  const { verdict, witness } = compareSchemas(older, newer).backward;
  expect(verdict).toBe("no");
  expect([judge(older)(witness), judge(newer)(witness)]).toEqual([true, false]);
});

describe("of a large schema", () => {
  /** Definitions that refer to each other, each by a union and a list: more ways than anybody can go. */
  const settings = (changed: object, count = 60, changedAt = 41): JsonSchema => {
    const other = (index: number, step: number) => ({ $ref: `#/$defs/part${(index * 7 + step) % count}` });
    const part = (index: number) => ({
      type: "object",
      additionalProperties: false,
      properties: {
        kind: { const: `part${index}` },
        level: { enum: ["off", "on", "warn"] },
        options: { anyOf: [other(index, 1), { type: "null" }, { ...list, items: other(index, 2) }] },
        more: {
          oneOf: [{ type: "boolean" }, other(index, 3), { type: "object", additionalProperties: other(index, 4) }],
        },
        size: index === changedAt ? changed : { type: "integer", minimum: 1, maximum: 99 },
      },
      required: ["kind"],
    });
    return {
      ...part(count),
      $defs: Object.fromEntries(Array.from({ length: count }, (_, index) => [`part${index}`, part(index)])),
    } as JsonSchema;
  };

  test("one witness is found, where all of them are too many", () => {
    const older = settings({ type: "number" });
    const newer = settings({ type: "integer" });
    const { backward } = compareSchemas(older, newer);
    expect(backward.verdict).toBe("no");
    expect([judge(older)(backward.witness), judge(newer)(backward.witness)]).toEqual([true, false]);
  });

  test("what holds is proven with more effort, where no witness is found", () => {
    const [older, newer] = ["integer", "number"].map((type) => settings({ type }, 5, 2));
    const { backward } = compareSchemas(older ?? true, newer ?? true);
    expect(backward.verdict).toBe("yes");
  });
});

describe("what the specification does not know", () => {
  const closed = (properties: object) => ({ type: "object", properties, additionalProperties: false }) as JsonSchema;
  const unknowns: readonly (readonly [string, object])[] = [
    ["a format", { type: "string", format: "html-selector" }],
    ["a keyword of a plugin", { instanceof: "Function" }],
  ];

  test.each(unknowns)("%s refuses nothing of what is written, so that a witness is one", (_, unknown) => {
    const [older, newer] = [closed({ path: unknown, size: { type: "number" } }), closed({ size: { type: "number" } })];
    const { verdict, witness } = compareSchemas(older, newer).backward;
    expect(verdict).toBe("no");
    expect([judge(older)(witness), judge(newer)(witness)]).toEqual([true, false]);
  });

  test.each(unknowns)("%s may refuse something of what is read", (_, unknown) => {
    expect(compareSchemas(closed({ path: text }), closed({ path: unknown })).backward.verdict).toBe("unknown");
  });
});

describe("a schema of another document", () => {
  const holding = ($ref: string, more: object = {}) => ({
    $schema: "http://json-schema.org/draft-07/schema#",
    $id: "https://example.com/config.json",
    type: "object",
    properties: { preset: { $ref }, ...more },
  });
  const elsewhere = "https://elsewhere.example/preset.json";

  test("is the same for whoever refers to it by its full address", () => {
    const { backward, forward } = compareSchemas(holding(elsewhere), holding(elsewhere, { more: { type: "string" } }));
    expect([backward.verdict, forward.verdict]).toEqual(["yes", "yes"]);
  });

  test("is perhaps another in another dialect", () => {
    const newer = { ...holding(elsewhere), $schema: "https://json-schema.org/draft/2020-12/schema" };
    expect(compareSchemas(holding(elsewhere), newer).backward.verdict).toBe("unknown");
  });

  test("is another at another address", () => {
    const { backward, forward } = compareSchemas(holding(elsewhere), holding(`${elsewhere}#/definitions/small`));
    expect([backward.verdict, forward.verdict]).toEqual(["unknown", "unknown"]);
  });

  test.each([
    ["a file beside this one, which changes with it", "preset.json"],
    ["a place in this one that is gone", "https://example.com/config.json#/definitions/gone"],
    ["the same by a longer way", "HTTPS://example.com/old/../config.json#/definitions/gone"],
  ])("is not known where it is %s", (_, reference) => {
    const { backward, forward } = compareSchemas(holding(reference), holding(reference, { more: { type: "string" } }));
    expect([backward.verdict, forward.verdict]).toEqual(["unknown", "unknown"]);
  });
});
