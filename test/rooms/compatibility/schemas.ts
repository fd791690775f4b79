import fc from "fast-check";
import type { JsonSchema } from "../../../src/contract/json-schema.ts";

/** Random schemas, random edits of them, and random payloads: small worlds, so that they meet. */

type Schema = { [keyword: string]: unknown };

const keys = ["a", "b", "c", "t"] as const;
const scalars = fc.constantFrom<unknown>("", "a", "ab", "abc", "b", "zz9", 0, 1, 2, 3, 0.5, -1, 10, true, false, null);

const ranges = fc.record(
  {
    minimum: fc.constantFrom(-1, 0, 1, 2, 0.5),
    maximum: fc.constantFrom(1, 2, 3, 10),
    exclusiveMinimum: fc.constantFrom(-1, 0, 1),
    exclusiveMaximum: fc.constantFrom(2, 3, 10),
    multipleOf: fc.constantFrom(1, 2, 3, 0.5),
  },
  { requiredKeys: [] },
);

const texts = fc.record(
  {
    minLength: fc.integer({ min: 0, max: 3 }),
    maxLength: fc.integer({ min: 1, max: 4 }),
    pattern: fc.constantFrom("^a", "b$", "^[a-c]*$", "^[a-z0-9]+$", "^(a|ab)$", "z"),
  },
  { requiredKeys: [] },
);

/** @param rich also unions, conditions, references and the rarer keywords */
export function schemas(rich = true): fc.Arbitrary<JsonSchema> {
  const { schema } = fc.letrec<{ schema: JsonSchema; object: Schema; array: Schema; logic: Schema }>((tie) => {
    const scalar = fc.oneof(
      fc.constant<Schema>({ type: "string" }),
      texts.map((part): Schema => ({ type: "string", ...part })),
      fc.constantFrom<Schema>({ type: "number" }, { type: "integer" }, { type: "boolean" }, { type: "null" }),
      fc.tuple(fc.constantFrom("number", "integer"), ranges).map(([type, part]): Schema => ({ type, ...part })),
      fc.uniqueArray(scalars, { minLength: 1, maxLength: 4 }).map((values): Schema => ({ enum: values })),
      scalars.map((value): Schema => ({ const: value })),
      fc
        .subarray(["null", "string", "integer", "number", "boolean"], { minLength: 1 })
        .map((type): Schema => ({ type })),
    );
    const object = fc
      .record(
        {
          properties: fc.dictionary(fc.constantFrom(...keys), tie("schema"), { maxKeys: 3, noNullPrototype: true }),
          required: fc.subarray([...keys], { maxLength: 2 }),
          additionalProperties: tie("schema"),
          ...(rich && {
            patternProperties: fc.dictionary(fc.constantFrom("^a", "b", "^[ct]$"), tie("schema"), {
              maxKeys: 1,
              noNullPrototype: true,
            }),
            propertyNames: fc.oneof(texts, fc.constant({ enum: ["a", "b"] })),
            minProperties: fc.integer({ min: 0, max: 2 }),
            maxProperties: fc.integer({ min: 1, max: 3 }),
            dependentRequired: fc.constantFrom({ a: ["b"] }, { b: ["c", "a"] }),
            dependentSchemas: fc.dictionary(fc.constantFrom("a", "b"), tie("schema"), {
              maxKeys: 1,
              noNullPrototype: true,
            }),
            unevaluatedProperties: fc.oneof(fc.constant(false), tie("schema")),
          }),
        },
        { requiredKeys: ["properties"] },
      )
      .chain((part) =>
        sparse(part, ["properties", "required"], 15).map((kept): Schema => ({ type: "object", ...judgeable(kept) })),
      );
    const array = fc
      .record({
        items: tie("schema"),
        prefixItems: fc.array(tie("schema"), { minLength: 1, maxLength: 2 }),
        minItems: fc.integer({ min: 0, max: 2 }),
        maxItems: fc.integer({ min: 1, max: 3 }),
        uniqueItems: fc.boolean(),
        ...(rich && {
          contains: tie("schema"),
          minContains: fc.integer({ min: 0, max: 2 }),
          maxContains: fc.integer({ min: 1, max: 2 }),
          unevaluatedItems: fc.oneof(fc.constant(false), tie("schema")),
        }),
      })
      .chain((part) => sparse(part, [], 35).map((kept): Schema => ({ type: "array", ...spared(kept) })));
    const several = fc.array(tie("schema"), { minLength: 1, maxLength: 3 });
    const variants = fc.uniqueArray(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 3 }).chain((names) =>
      fc.tuple(
        ...names.map((name) =>
          object.map(
            (one): Schema => ({
              ...one,
              properties: { ...(one.properties as Schema), t: { const: name } },
              required: [...new Set([...((one.required as string[] | undefined) ?? []), "t"])],
            }),
          ),
        ),
      ),
    );
    const logic = fc.oneof(
      several.map((anyOf): Schema => ({ anyOf })),
      variants.map((oneOf): Schema => ({ oneOf })),
      variants.map((anyOf): Schema => ({ anyOf })),
      several.map((oneOf): Schema => ({ oneOf })),
      several.map((allOf): Schema => ({ allOf })),
      tie("schema").map((not): Schema => ({ not })),
      fc.tuple(scalar, tie("schema")).map(([one, not]): Schema => ({ ...one, not })),
      fc.tuple(object, several).map(([one, allOf]): Schema => ({ ...one, allOf })),
      fc.tuple(object, several).map(([one, anyOf]): Schema => ({ ...one, anyOf })),
      fc
        .tuple(object, tie("schema"), tie("schema"), tie("schema"))
        .map(([one, asked, then, otherwise]): Schema => ({ ...one, if: asked, then, else: otherwise })),
      fc.constant<Schema>({ $ref: "#" }),
      fc.constant<Schema>({ $ref: "#/$defs/d" }),
    );
    return {
      object,
      array,
      logic,
      schema: fc.oneof(
        { maxDepth: 3, depthIdentifier: "schema" },
        { arbitrary: scalar as fc.Arbitrary<JsonSchema>, weight: 5 },
        { arbitrary: fc.boolean(), weight: 1 },
        { arbitrary: object, weight: 5 },
        { arbitrary: array, weight: 2 },
        ...(rich ? [{ arbitrary: logic, weight: 4 }] : []),
      ),
    };
  });
  return fc.tuple(schema, schema, fc.boolean()).map(([one, other, asObject]) => {
    const text = JSON.stringify(one);
    if (typeof one === "boolean") return one;
    const root = asObject && !text.includes("$ref") ? { type: "object", properties: { a: one }, required: ["a"] } : one;
    return text.includes("#/$defs/d") || JSON.stringify(other).includes("#/$defs/d")
      ? { ...root, $defs: { d: other } }
      : root;
  });
}

/** Ajv 8.20 takes [] for { prefixItems: [{…}, {…}], contains: {…} }, which asks for one item at least: not a judge of that. */
function spared(part: Schema): Schema {
  const { contains, ...rest } = part;
  return contains === undefined || rest.prefixItems !== undefined ? rest : part;
}

/** Nor of unevaluatedProperties beside dependentSchemas that do not apply: it forgets the properties declared beside them. */
function judgeable(part: Schema): Schema {
  const { dependentSchemas, ...rest } = part;
  return rest.unevaluatedProperties === undefined || dependentSchemas === undefined ? part : rest;
}

function sparse(part: object, kept: readonly string[], share: number): fc.Arbitrary<Schema> {
  const entries = Object.entries(part);
  return fc
    .array(fc.noBias(fc.integer({ min: 0, max: 99 })), { minLength: entries.length, maxLength: entries.length })
    .map((dice) =>
      Object.fromEntries(entries.filter(([key], index) => kept.includes(key) || (dice[index] ?? 99) < share)),
    );
}

/** Payloads of the same small world. */
export const payloads: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthIdentifier: "payload" },
    { arbitrary: scalars, weight: 3 },
    {
      arbitrary: fc.dictionary(fc.constantFrom(...keys, "ab"), tie("value"), { maxKeys: 4, noNullPrototype: true }),
      weight: 4,
    },
    { arbitrary: fc.array(tie("value"), { maxLength: 3 }), weight: 1 },
  ),
})).value as fc.Arbitrary<unknown>;

/** A schema and an edited copy of it. */
export function edits(from: fc.Arbitrary<JsonSchema>): fc.Arbitrary<readonly [JsonSchema, JsonSchema]> {
  return fc
    .tuple(from, fc.array(fc.tuple(fc.nat(), fc.nat({ max: 7 }), from), { minLength: 1, maxLength: 3 }))
    .map(([schema, changes]) => {
      let edited = structuredClone(schema);
      for (const [where, how, other] of changes) edited = edit(edited, where, how, other);
      return [schema, edited] as const;
    });
}

function edit(schema: JsonSchema, where: number, how: number, other: JsonSchema): JsonSchema {
  const holder = { schema };
  const places = placesOf(holder, "schema");
  const place = places[where % places.length];
  if (place === undefined) return schema;
  const { owner, key } = place;
  const at = owner[key] as JsonSchema;
  const clean = typeof other === "object" && JSON.stringify(other).includes("$ref") ? true : structuredClone(other);
  if (typeof at === "boolean" || how === 0) owner[key] = clean;
  else if (how === 1) owner[key] = { anyOf: [at, clean] };
  else if (how === 2) owner[key] = { allOf: [at, clean] };
  else if (how <= 5) {
    const keywords = Object.keys(at).filter((keyword) => keyword !== "$defs");
    const keyword = keywords[where % Math.max(1, keywords.length)];
    const { [keyword ?? ""]: value, ...rest } = at as Schema;
    if (Array.isArray(value) && value.length > 1) owner[key] = { ...rest, [keyword ?? ""]: value.slice(1) };
    else if (typeof value === "number")
      owner[key] = { ...rest, [keyword ?? ""]: Math.max(1, value + (where % 2) * 2 - 1) };
    else owner[key] = rest;
  } else if (typeof clean === "object") {
    const [keyword] = Object.keys(clean);
    if (keyword !== undefined && keyword !== "$defs") owner[key] = { ...at, [keyword]: clean[keyword] };
  }
  return holder.schema;
}

interface Place {
  readonly owner: Schema;
  readonly key: string;
}

const single = ["additionalProperties", "propertyNames", "items", "contains", "not", "if", "then", "else"];
const listed = ["anyOf", "oneOf", "allOf", "prefixItems"];
const mapped = ["properties", "patternProperties", "dependentSchemas", "$defs"];

function placesOf(owner: Schema, key: string): Place[] {
  const at = owner[key];
  const here = [{ owner, key }];
  if (typeof at !== "object" || at === null) return here;
  const schema = at as Schema;
  const below = [
    ...single.filter((keyword) => schema[keyword] !== undefined).map((keyword) => [schema, keyword] as const),
    ...[...listed, ...mapped].flatMap((keyword) => {
      const parts = schema[keyword];
      if (typeof parts !== "object" || parts === null) return [];
      return Object.keys(parts).map((index) => [parts as Schema, index] as const);
    }),
  ];
  return [...here, ...below.flatMap(([inner, index]) => placesOf(inner, index))];
}
