import { Ajv } from "ajv";
import draft6 from "ajv/dist/refs/json-schema-draft-06.json" with { type: "json" };
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { budgetOf } from "../../../src/contract/compatibility/budget.ts";
import { compareSchemas } from "../../../src/contract/compatibility/compatibility.ts";
import { evaluate } from "../../../src/contract/compatibility/evaluate.ts";
import { Node } from "../../../src/contract/compatibility/node.ts";
import type { JsonSchema } from "../../../src/contract/json-schema.ts";

/** Promise: a schema that takes schemas is compared as validators see it, though it refers to a document which is not in it. */

fc.configureGlobal({ seed: Number(process.env.SEED ?? 1) });

const addressOf = (draft: string) => `http://json-schema.org/draft-${draft}/schema#`;

describe("what is a schema is what Ajv says", () => {
  const keywords =
    "type enum const properties required additionalProperties patternProperties propertyNames items contains dependencies uniqueItems " +
    "allOf anyOf oneOf not if $ref $id definitions minLength maximum exclusiveMinimum multipleOf pattern title examples readOnly x-mine";
  const junk = fc.dictionary(fc.constantFrom(...keywords.split(" ")), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 3 });
  const plain = fc.constantFrom<unknown>(
    ...[{}, { type: "string" }, { type: ["string", "null"] }, { enum: [] }, { required: ["a"] }, { items: [{}] }, true],
  );
  const schemas = fc.oneof(
    ...[junk, plain, fc.boolean(), fc.string()],
    fc.dictionary(fc.constantFrom("not", "items", "additionalProperties"), plain),
    fc.dictionary(fc.constantFrom("properties", "definitions", "dependencies"), fc.dictionary(fc.string(), plain)),
  );

  test.each(["06", "07"])("of draft %s", (draft) => {
    const ajv = new Ajv({ strict: false, logger: false, validateFormats: false });
    if (draft === "06") ajv.addMetaSchema(draft6);
    const judge = ajv.compile({ $ref: addressOf(draft) });
    const node = Node.root({ $ref: addressOf(draft) });
    let decided = 0;
    fc.assert(
      fc.property(schemas, (schema) => {
        const verdict = evaluate(node, schema, budgetOf(100_000));
        if (verdict === "unknown") return;
        decided++;
        expect(verdict).toBe(judge(schema) ? "yes" : "no");
      }),
      { numRuns: Number(process.env.RUNS ?? 2_000) },
    );
    expect(decided).toBeGreaterThan(1_000);
  });
});

test("draft 4 writes exclusive bounds as flags, and wants a bound beside them", () => {
  const node = Node.root({ $ref: addressOf("04") });
  const verdicts = [{ minimum: 1, exclusiveMinimum: true }, { exclusiveMinimum: true }, { exclusiveMinimum: 1 }, true];
  expect(verdicts.map((schema) => evaluate(node, schema, budgetOf(10_000)))).toEqual(["yes", "no", "no", "no"]);
});

test("a definition of theirs is followed, too", () => {
  const older: JsonSchema = { $ref: `${addressOf("07")}/definitions/nonNegativeInteger` };
  expect(compareSchemas(older, { type: "integer" }).backward.verdict).toBe("yes");
  expect(compareSchemas(older, { type: "integer" }).forward).toMatchObject({ verdict: "no", witness: -1 });
});

test("what else the document says is compared", () => {
  const older = { type: "object", properties: { shape: { $ref: addressOf("07") }, size: { type: "integer" } } };
  const newer = { ...older, properties: { ...older.properties, size: { type: "number" } } };
  const { backward, forward } = compareSchemas(older, newer);
  expect([backward.verdict, forward.verdict]).toEqual(["yes", "no"]);
});
