import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { conjunction, item } from "../../../src/contract/compatibility/branch.ts";
import { type Budget, budgetOf } from "../../../src/contract/compatibility/budget.ts";
import { isClosedPayload } from "../../../src/contract/compatibility/closed.ts";
import { compareSchemas } from "../../../src/contract/compatibility/compatibility.ts";
import { expand } from "../../../src/contract/compatibility/expand.ts";
import { Node } from "../../../src/contract/compatibility/node.ts";
import { sample, sampleAgainst } from "../../../src/contract/compatibility/sample.ts";
import type { JsonSchema } from "../../../src/contract/json-schema.ts";
import { judge } from "./judge.ts";
import { edits, payloads, schemas } from "./schemas.ts";

/** The same pairs every time; for a longer soak: RUNS=20000 SEED=7 npx vitest run test/rooms/compatibility/soundness.test.ts */
const runs = Number(process.env.RUNS ?? 120);
fc.configureGlobal({ seed: Number(process.env.SEED ?? 1) });
const many = fc.array(payloads, { minLength: 40, maxLength: 40 });

/** Payloads that a producer may store, among given ones and such as lie where the two schemas differ. */
function writable(writer: JsonSchema, reader: JsonSchema, others: readonly unknown[]): readonly unknown[] {
  const fits = judge(writer);
  const node = Node.root(writer);
  return [...telling(node, Node.root(reader)), ...others].filter(
    (value) => fits(value) === true && isClosedPayload(node, value, budgetOf(10_000)),
  );
}

function telling(writer: Node, reader: Node): readonly unknown[] {
  const budget: Budget = budgetOf(50_000);
  try {
    const whole = conjunction([item(writer, "writer")]);
    const near = expand(whole, budget)
      .slice(0, 6)
      .flatMap((branch) => sampleAgainst(branch, reader, budget));
    return [...sample(whole, budget), ...near];
  } catch {
    return [];
  }
}

const verdicts = (older: JsonSchema, newer: JsonSchema) => {
  const { backward, forward } = compareSchemas(older, newer);
  return [backward.verdict, forward.verdict];
};

/** Without references, so that it can be put into another schema. */
const parts = schemas().filter((schema) => !JSON.stringify(schema).includes("$ref"));

describe("against Ajv", () => {
  test("yes: no payload of the writer is refused by the reader", () => {
    let judged = 0;
    fc.assert(
      fc.property(edits(schemas()), many, ([older, newer], values) => {
        const { backward, forward } = compareSchemas(older, newer);
        for (const [verdict, writer, reader] of [
          [backward.verdict, older, newer],
          [forward.verdict, newer, older],
        ] as const) {
          if (verdict !== "yes") continue;
          const reads = judge(reader);
          for (const value of writable(writer, reader, values)) {
            judged++;
            expect([value, reads(value)]).not.toEqual([value, false]);
          }
        }
      }),
      { numRuns: runs },
    );
    expect(judged).toBeGreaterThan(runs * 2);
  });

  test("no: its witness is valid for the writer and refused by the reader", () => {
    let judged = 0;
    fc.assert(
      fc.property(fc.oneof(edits(schemas()), fc.tuple(schemas(), schemas())), ([older, newer]) => {
        const { backward, forward } = compareSchemas(older, newer);
        for (const [{ verdict, witness }, writer, reader] of [
          [backward, older, newer],
          [forward, newer, older],
        ] as const) {
          if (verdict !== "no") continue;
          judged++;
          expect([judge(writer)(witness), judge(reader)(witness)].map((said, at) => said ?? at === 0)).toEqual([
            true,
            false,
          ]);
        }
      }),
      { numRuns: runs },
    );
    expect(judged).toBeGreaterThan(runs / 4);
  });

  test("few pairs stay undecided", () => {
    const pairs = fc.sample(edits(schemas(false)), { numRuns: runs, seed: 5 });
    const unknown = pairs
      .flatMap(([older, newer]) => verdicts(older, newer))
      .filter((verdict) => verdict === "unknown");
    expect(unknown.length / (2 * pairs.length)).toBeLessThan(0.02);
  });
});

describe("as sets", () => {
  test("a schema equals itself, be it written anew", () => {
    fc.assert(
      fc.property(parts, (schema) => {
        expect(verdicts(schema, structuredClone(schema))).toEqual(["yes", "yes"]);
        // In an allOf of its own it is no longer recognised by its text.
        expect(verdicts(schema, { allOf: [structuredClone(schema)] })).not.toContain("no");
      }),
      { numRuns: runs },
    );
  });

  test("a part is within a union, an intersection within its parts", () => {
    fc.assert(
      fc.property(parts, parts, (one, other) => {
        expect(compareSchemas(one, { anyOf: [other, structuredClone(one)] }).backward.verdict).not.toBe("no");
        expect(compareSchemas({ allOf: [one, other] }, structuredClone(one)).backward.verdict).not.toBe("no");
      }),
      { numRuns: runs },
    );
  });

  test("what is within what is within a third is within the third", () => {
    fc.assert(
      fc.property(edits(schemas(false)), schemas(false), fc.nat(), ([one, two], third, seed) => {
        const [[, three = third] = []] = fc.sample(edits(fc.constant(two)), { numRuns: 1, seed });
        const [a, b, c] = [one, two, three].map(strict) as [JsonSchema, JsonSchema, JsonSchema];
        const [first, second] = [compareSchemas(a, b).backward, compareSchemas(b, c).backward];
        fc.pre(first.verdict === "yes" && second.verdict === "yes");
        expect(compareSchemas(a, c).backward.verdict).not.toBe("no");
      }),
      { numRuns: Math.ceil(runs / 2) },
    );
  });
});

/** Closed for readers too: otherwise "within" is not a matter of sets alone. */
function strict(schema: JsonSchema): JsonSchema {
  return JSON.parse(JSON.stringify(schema), (_, value) =>
    value?.type === "object" && value.additionalProperties === undefined
      ? { ...value, additionalProperties: false }
      : value,
  ) as JsonSchema;
}

describe("the way it is written does not matter", () => {
  const unchanged = (write: (schema: JsonSchema) => JsonSchema) => {
    let undecided = 0;
    fc.assert(
      fc.property(edits(parts), ([older, newer]) => {
        const before = verdicts(older, newer);
        for (const after of [verdicts(write(older), newer), verdicts(older, write(newer))])
          for (const [index, verdict] of after.entries()) {
            if (verdict === "unknown" || before[index] === "unknown") undecided++;
            else expect(verdict).toBe(before[index]);
          }
      }),
      { numRuns: Math.ceil(runs / 2) },
    );
    expect(undecided).toBeLessThan(runs * 0.2);
  };

  test("the order of keys", () => unchanged((schema) => rewritten(schema, reversed)));
  test("the order of a union's members", () =>
    unchanged((schema) =>
      rewritten(schema, (at) => (Array.isArray(at.anyOf) ? { ...at, anyOf: [...at.anyOf].reverse() } : at)),
    ));
  test("an enumeration as a union of constants", () =>
    unchanged((schema) =>
      rewritten(schema, ({ enum: values, ...rest }) =>
        Array.isArray(values) && rest.anyOf === undefined
          ? { ...rest, anyOf: values.map((value) => ({ const: value })) }
          : values === undefined
            ? rest
            : { ...rest, enum: values },
      ),
    ));
  test("a list of types as a union", () =>
    unchanged((schema) =>
      rewritten(schema, (at) =>
        Array.isArray(at.type) && at.anyOf === undefined
          ? { ...at, type: undefined, anyOf: at.type.map((type) => ({ type })) }
          : at,
      ),
    ));
  test("a reference instead of the schema", () =>
    unchanged((schema) => ({ $ref: "#/$defs/whole", $defs: { whole: schema } })));
});

type Schema = { readonly [keyword: string]: unknown };

function reversed(schema: Schema): Schema {
  return Object.fromEntries(Object.entries(schema).reverse());
}

/** Rewrites every schema within a schema, and nothing that merely looks like one. */
function rewritten(schema: JsonSchema, write: (at: Schema) => Schema): JsonSchema {
  if (typeof schema === "boolean") return schema;
  const below = (at: unknown): unknown =>
    Array.isArray(at) ? at.map((part) => rewritten(part as JsonSchema, write)) : rewritten(at as JsonSchema, write);
  const inner = Object.entries(schema).map(([keyword, value]) => {
    if (
      [
        "anyOf",
        "oneOf",
        "allOf",
        "prefixItems",
        "not",
        "if",
        "then",
        "else",
        "items",
        "contains",
        "additionalProperties",
        "propertyNames",
        "unevaluatedProperties",
        "unevaluatedItems",
      ].includes(keyword)
    )
      return [keyword, below(value)];
    if (["properties", "patternProperties", "dependentSchemas"].includes(keyword))
      return [keyword, Object.fromEntries(Object.entries(value as object).map(([key, part]) => [key, below(part)]))];
    return [keyword, value];
  });
  return JSON.parse(JSON.stringify(write(Object.fromEntries(inner)))) as JsonSchema;
}
