import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { rulesPage, writtenRules } from "../../../scripts/rules-page.ts";
import { compareSchemas, type Outcome, rules } from "../../../src/contract/compatibility/compatibility.ts";
import type { JsonSchema } from "../../../src/contract/json-schema.ts";

describe("every rule", () => {
  test.each(rules.map((rule) => [rule.id, rule] as const))("%s", (id, rule) => {
    const { older, newer } = rule.example;
    const { backward, forward, differences, equivalent } = compareSchemas(older, newer);
    const found = differences.find((difference) => difference.rule === id);
    expect(found).toMatchObject({ backward: rule.backward, forward: rule.forward });
    expect(equivalent).toBe(false);
    // One change, one difference; only a union's members can be laid side by side in a way that shows more.
    if (id !== "payload-refused") expect(differences).toHaveLength(1);
    if (rule.backward === "break" || rule.forward === "break") expect(found).toHaveProperty("witness");
    expect([backward.verdict, forward.verdict]).toEqual(
      id === "payload-refused" ? ["no", "no"] : [rule.backward, rule.forward].map(verdictFor),
    );
  });

  test("has an id of its own, and says how to make the change", () => {
    expect(new Set(rules.map(({ id }) => id)).size).toBe(rules.length);
    for (const { why, safeWay } of rules) expect([why, safeWay].every((text) => text.endsWith("."))).toBe(true);
  });

  test("is on its page (npx jiti scripts/rules-page.ts)", () => {
    expect(readFileSync(rulesPage, "utf8")).toBe(writtenRules());
  });
});

function verdictFor(outcome: Outcome): string {
  return outcome === "break" ? "no" : outcome === "unknown" ? "unknown" : "yes";
}

const text = { type: "string" };
const number = { type: "number" };
const object = (properties: object, required: readonly string[] = Object.keys(properties), rest: object = {}) =>
  ({ type: "object", properties, required, ...rest }) as JsonSchema;
const strict = { additionalProperties: false };
const loose = { additionalProperties: {} };
const withDefault = object({ a: text, b: { ...text, default: "x" } }, ["a"]);

/** change, older, newer, what it means backward and forward */
const table: readonly (readonly [string, JsonSchema, JsonSchema, Outcome, Outcome])[] = [
  ["optional property added", object({ a: text }), object({ a: text, b: number }, ["a"]), "ok", "drop"],
  [
    "optional added, strict",
    object({ a: text }, ["a"], strict),
    object({ a: text, b: number }, ["a"], strict),
    "ok",
    "break",
  ],
  ["optional added, loose", object({ a: text }, ["a"], loose), object({ a: text, b: {} }, ["a"], loose), "ok", "ok"],
  ["required added", object({ a: text }), object({ a: text, b: number }), "break", "drop"],
  [
    "required added, strict",
    object({ a: text }, ["a"], strict),
    object({ a: text, b: number }, ["a", "b"], strict),
    "break",
    "break",
  ],
  ["with a default added", object({ a: text }), withDefault, "ok", "drop"],
  ["optional removed", object({ a: text, b: number }, ["a"]), object({ a: text }), "drop", "ok"],
  [
    "optional removed, strict",
    object({ a: text, b: number }, ["a"], strict),
    object({ a: text }, ["a"], strict),
    "break",
    "ok",
  ],
  ["required removed", object({ a: text, b: number }), object({ a: text }), "drop", "break"],
  [
    "required removed, strict",
    object({ a: text, b: number }, ["a", "b"], strict),
    object({ a: text }, ["a"], strict),
    "break",
    "break",
  ],
  ["optional to required", object({ a: text }, []), object({ a: text }), "break", "ok"],
  ["required to optional", object({ a: text }), object({ a: text }, []), "ok", "break"],
  ["default changed", withDefault, object({ a: text, b: { ...text, default: "y" } }, ["a"]), "change", "change"],
  ["default removed", withDefault, object({ a: text, b: text }), "break", "ok"],
  ["enum value removed", { enum: ["a", "b"] }, { enum: ["a"] }, "break", "ok"],
  ["bounds tightened", number, { ...number, minimum: 0 }, "break", "ok"],
  ["null removed", { anyOf: [text, { type: "null" }] }, text, "break", "ok"],
  ["number to integer", number, { type: "integer" }, "break", "ok"],
  ["pattern added", text, { ...text, pattern: "^a" }, "break", "ok"],
  ["format added", text, { ...text, format: "email" }, "break", "ok"],
  ["enum value added", { enum: ["a"] }, { enum: ["a", "b"] }, "ok", "break"],
  ["null added", text, { type: ["string", "null"] }, "ok", "break"],
  ["type replaced", text, number, "break", "break"],
  ["const replaced", { const: "a" }, { const: "b" }, "break", "break"],
  ["keyword of a plugin", { ...text, transform: ["trim"] }, { ...text, transform: [] }, "unknown", "unknown"],
  ["keyword that nobody knows", { ...text, even: true }, { ...text, even: false }, "ok", "ok"],
];

const weight: readonly Outcome[] = ["ok", "drop", "change", "unknown", "break"];
const gravest = (outcomes: readonly Outcome[]) =>
  [...outcomes].sort((one, other) => weight.indexOf(other) - weight.indexOf(one))[0] ?? "ok";

describe("a change means", () => {
  test.each(table)("%s", (_, older, newer, backward, forward) => {
    const found = compareSchemas(older, newer);
    expect(gravest(found.differences.map((difference) => difference.backward))).toBe(backward);
    expect(gravest(found.differences.map((difference) => difference.forward))).toBe(forward);
    expect(found.backward).toMatchObject({ verdict: verdictFor(backward), drops: backward === "drop" });
    expect(found.forward).toMatchObject({ verdict: verdictFor(forward), drops: forward === "drop" });
  });

  test("a renamed property breaks both ways", () => {
    const { backward, forward } = compareSchemas(object({ a: text, old: text }), object({ a: text, new: text }));
    expect([backward.verdict, forward.verdict]).toEqual(["no", "no"]);
  });

  test("nothing, where only annotations differ", () => {
    const described = {
      ...(object({ a: { ...text, title: "A" } }) as object),
      description: "about",
      $schema: "https://json-schema.org/draft/2020-12/schema",
    };
    expect(compareSchemas(object({ a: text }), described)).toMatchObject({ equivalent: true, differences: [] });
  });
});

describe("a difference", () => {
  const order = (price: object) => object({ items: { type: "array", items: object({ price }) } });

  test("has its path, its kind and a payload that shows it", () => {
    const { differences } = compareSchemas(order(number), order({ type: "integer" }));
    expect(differences).toMatchObject([
      { rule: "number-became-integer", path: "/items/*/price", kind: "narrowed", witness: { items: [{ price: 0.5 }] } },
    ]);
  });

  test("is told apart from its neighbours, each with its own witness", () => {
    const { differences } = compareSchemas(
      object({ kind: { enum: ["a", "b"] }, size: number }),
      object({ kind: { enum: ["a"] }, size: { ...number, maximum: 5 } }),
    );
    expect(differences.map(({ rule, path }) => [rule, path])).toEqual([
      ["value-removed", "/kind"],
      ["range-tightened", "/size"],
    ]);
    expect(differences[0]?.witness).toMatchObject({ kind: "b" });
    expect(differences[1]?.witness).toMatchObject({ kind: "a", size: expect.toSatisfy((size) => size > 5) });
  });

  test("in a recursive schema is found once", () => {
    const tree = (value: object): JsonSchema => ({
      $ref: "#/$defs/node",
      $defs: {
        node: { ...(object({ value, children: { type: "array", items: { $ref: "#/$defs/node" } } }) as object) },
      },
    });
    expect(compareSchemas(tree(number), tree({ type: "integer" })).differences).toMatchObject([
      { rule: "number-became-integer", path: "/value" },
    ]);
  });
});
