import type { JsonSchema } from "../json-schema.ts";

/**
 * The schemas of schemas, which other schemas refer to and every validator of a dialect knows: http://json-schema.org/draft-04/schema and its
 * successors, as published, without their descriptions and defaults. A schema may have any other keyword, so `additionalProperties`
 * says that they are open. (Those of 2019-09 and 2020-12 consist of several that a `$dynamicRef` puts together: they are not here.)
 */

const schema = { $ref: "#" };
const schemas = { type: "object", additionalProperties: schema };
const schemaList = { type: "array", minItems: 1, items: schema };
const text = { type: "string" };
const flag = { type: "boolean" };
const number = { type: "number" };
const positive = { type: "number", exclusiveMinimum: 0 };
const count = { type: "integer", minimum: 0 };
const texts = { type: "array", items: text, uniqueItems: true };
const names = { ...texts, minItems: 1 };
const regex = { type: "string", format: "regex" };
const reference = { type: "string", format: "uri-reference" };
const simpleTypes = { enum: ["array", "boolean", "integer", "null", "number", "object", "string"] };
const types = {
  anyOf: [simpleTypes, { type: "array", items: simpleTypes, minItems: 1, uniqueItems: true }],
};

const common = {
  title: text,
  description: text,
  default: true,
  maximum: number,
  minimum: number,
  maxLength: count,
  minLength: count,
  pattern: regex,
  maxItems: count,
  minItems: count,
  uniqueItems: flag,
  maxProperties: count,
  minProperties: count,
  definitions: schemas,
  properties: schemas,
  // Draft 7 as published would take an empty list, which its validators refuse.
  enum: { type: "array", minItems: 1, uniqueItems: true },
  type: types,
  allOf: schemaList,
  anyOf: schemaList,
  oneOf: schemaList,
  not: schema,
  format: text,
};

const draft4: JsonSchema = {
  $schema: "http://json-schema.org/draft-04/schema#",
  id: "http://json-schema.org/draft-04/schema#",
  definitions: {
    schemaArray: schemaList,
    positiveInteger: count,
    positiveIntegerDefault0: count,
    simpleTypes,
    stringArray: names,
  },
  type: "object",
  properties: {
    ...common,
    id: text,
    $schema: text,
    multipleOf: { type: "number", minimum: 0, exclusiveMinimum: true },
    exclusiveMaximum: flag,
    exclusiveMinimum: flag,
    additionalItems: { anyOf: [flag, schema] },
    items: { anyOf: [schema, schemaList] },
    required: names,
    additionalProperties: { anyOf: [flag, schema] },
    patternProperties: schemas,
    dependencies: { type: "object", additionalProperties: { anyOf: [schema, names] } },
  },
  dependencies: { exclusiveMaximum: ["maximum"], exclusiveMinimum: ["minimum"] },
  additionalProperties: true,
};

const sinceDraft6 = {
  ...common,
  $id: reference,
  $schema: { type: "string", format: "uri" },
  $ref: reference,
  examples: { type: "array" },
  multipleOf: positive,
  exclusiveMaximum: number,
  exclusiveMinimum: number,
  additionalItems: schema,
  items: { anyOf: [schema, schemaList] },
  contains: schema,
  required: texts,
  additionalProperties: schema,
  patternProperties: schemas,
  dependencies: { type: "object", additionalProperties: { anyOf: [schema, texts] } },
  propertyNames: schema,
  const: true,
};

const draft6 = {
  $schema: "http://json-schema.org/draft-06/schema#",
  $id: "http://json-schema.org/draft-06/schema#",
  definitions: {
    schemaArray: schemaList,
    nonNegativeInteger: count,
    nonNegativeIntegerDefault0: count,
    simpleTypes,
    stringArray: texts,
  },
  type: ["object", "boolean"],
  properties: sinceDraft6,
  additionalProperties: true,
} satisfies JsonSchema;

const draft7: JsonSchema = {
  ...draft6,
  $schema: "http://json-schema.org/draft-07/schema#",
  $id: "http://json-schema.org/draft-07/schema#",
  properties: {
    ...sinceDraft6,
    $comment: text,
    readOnly: flag,
    patternProperties: { ...schemas, propertyNames: { format: "regex" } },
    contentMediaType: text,
    contentEncoding: text,
    if: schema,
    // biome-ignore lint/suspicious/noThenProperty: it is a keyword
    then: schema,
    else: schema,
  },
};

/** By their addresses. */
export const metaSchemas: ReadonlyMap<string, JsonSchema> = new Map([
  ["http://json-schema.org/draft-04/schema", draft4],
  ["http://json-schema.org/draft-06/schema", draft6],
  ["http://json-schema.org/draft-07/schema", draft7],
]);
