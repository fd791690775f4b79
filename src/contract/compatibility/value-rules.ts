import { acceptFirst, bothWays, familyOf, lookAtIt, type Rule, upgradeFirst } from "./rule.ts";

const text = { type: "string" } as const;
const number = { type: "number" } as const;
const card = {
  type: "object",
  properties: { by: { const: "card" }, number: text },
  required: ["by", "number"],
} as const;
const cash = { type: "object", properties: { by: { const: "cash" } }, required: ["by"] } as const;

const types = [
  ...familyOf({
    ids: ["type-removed", "type-added", "type-replaced"],
    titles: ["a type is no longer taken", "a further type is taken", "the type was replaced"],
    why: "A validator refuses a value of a type that it does not know.",
    wide: { type: ["string", "number"] },
    narrow: text,
    other: number,
  }),
  {
    id: "null-removed",
    title: "null is no longer taken",
    why: "Payloads that are already in the queue may hold null.",
    example: { older: { type: ["string", "null"] }, newer: text },
    backward: "break",
    forward: "ok",
    safeWay: upgradeFirst,
  },
  {
    id: "null-added",
    title: "null is now taken",
    why: "Older workers refuse null.",
    example: { older: text, newer: { type: ["string", "null"] } },
    backward: "ok",
    forward: "break",
    safeWay: acceptFirst,
  },
  {
    id: "number-became-integer",
    title: "fractions are no longer taken",
    why: "Payloads that are already in the queue may hold a fraction.",
    example: { older: number, newer: { type: "integer" } },
    backward: "break",
    forward: "ok",
    safeWay: upgradeFirst,
  },
  {
    id: "integer-became-number",
    title: "fractions are now taken",
    why: "Older workers refuse a fraction.",
    example: { older: { type: "integer" }, newer: number },
    backward: "ok",
    forward: "break",
    safeWay: acceptFirst,
  },
] as const satisfies readonly Rule[];

const values = [
  {
    id: "value-removed",
    title: "a value is no longer taken",
    why: "Payloads that are already in the queue may hold it.",
    example: { older: { enum: ["mail", "post"] }, newer: { enum: ["mail"] } },
    backward: "break",
    forward: "ok",
    safeWay: upgradeFirst,
  },
  {
    id: "value-added",
    title: "a further value is taken",
    why: "Older workers refuse it.",
    example: { older: { enum: ["mail"] }, newer: { enum: ["mail", "post"] } },
    backward: "ok",
    forward: "break",
    safeWay: acceptFirst,
  },
  {
    id: "constant-replaced",
    title: "a constant was replaced",
    why: "No payload of one side is taken by the other: a renamed discriminator is a new variant.",
    example: { older: { const: "mail" }, newer: { const: "email" } },
    backward: "break",
    forward: "break",
    safeWay: bothWays,
  },
  {
    id: "enumeration-added",
    title: "only listed values are taken now",
    why: "Payloads that are already in the queue may hold others.",
    example: { older: text, newer: { enum: ["mail", "post"] } },
    backward: "break",
    forward: "ok",
    safeWay: upgradeFirst,
  },
  {
    id: "enumeration-removed",
    title: "values are no longer listed",
    why: "Older workers refuse every value that is not on their list.",
    example: { older: { enum: ["mail", "post"] }, newer: text },
    backward: "ok",
    forward: "break",
    safeWay: acceptFirst,
  },
  {
    id: "variant-removed",
    title: "a variant was removed",
    why: "Payloads of this variant may still be in the queue.",
    example: { older: { oneOf: [card, cash] }, newer: { oneOf: [card] } },
    backward: "break",
    forward: "ok",
    safeWay: upgradeFirst,
  },
  {
    id: "variant-added",
    title: "a variant was added",
    why: "Older workers refuse payloads of a variant that they do not know.",
    example: { older: { oneOf: [card] }, newer: { oneOf: [card, cash] } },
    backward: "ok",
    forward: "break",
    safeWay: acceptFirst,
  },
] as const satisfies readonly Rule[];

const numbersAndTexts = [
  ...familyOf({
    ids: ["range-tightened", "range-loosened", "range-moved"],
    titles: ["a range was tightened", "a range was loosened", "a range was moved"],
    why: "minimum and maximum, exclusive or not.",
    wide: number,
    narrow: { ...number, minimum: 0 },
    other: { ...number, maximum: 10 },
  }),
  ...familyOf({
    ids: ["step-added", "step-removed", "step-changed"],
    titles: ["only multiples are taken now", "no longer only multiples are taken", "other multiples are taken"],
    why: "multipleOf.",
    wide: { type: "integer" },
    narrow: { type: "integer", multipleOf: 5 },
    other: { type: "integer", multipleOf: 7 },
  }),
  ...familyOf({
    ids: ["length-tightened", "length-loosened", "length-moved"],
    titles: ["a length was tightened", "a length was loosened", "a length was moved"],
    why: "minLength and maxLength.",
    wide: text,
    narrow: { ...text, maxLength: 80 },
    other: { ...text, minLength: 10 },
  }),
  ...familyOf({
    ids: ["pattern-added", "pattern-removed", "pattern-changed"],
    titles: ["a pattern was added or narrowed", "a pattern was removed or widened", "a pattern was replaced"],
    why: "Texts that do not match are refused. Patterns are compared by what they match; where look-arounds or back references make that impossible, the answer is unknown.",
    wide: text,
    narrow: { ...text, pattern: "^[a-z]+$" },
    other: { ...text, pattern: "^[0-9]+$" },
  }),
  ...familyOf({
    ids: ["format-added", "format-removed", "format-changed"],
    titles: ["a format was added", "a format was removed", "a format was replaced"],
    why: "Libraries check formats, and not all in the same way.",
    wide: text,
    narrow: { ...text, format: "date" },
    other: { ...text, format: "email" },
  }),
] as const;

const list = { type: "array", items: text } as const;

const arrays = [
  ...familyOf({
    ids: ["size-tightened", "size-loosened", "size-moved"],
    titles: ["a number of items was tightened", "a number of items was loosened", "a number of items was moved"],
    why: "minItems and maxItems.",
    wide: list,
    narrow: { ...list, maxItems: 10 },
    other: { ...list, minItems: 5 },
  }),
  ...familyOf({
    ids: ["items-narrowed", "items-widened", "items-replaced"],
    titles: ["items are held to more", "items are held to less", "items are held to something else"],
    why: "items, prefixItems, and what comes after a tuple.",
    wide: { type: "array" },
    narrow: list,
    other: { type: "array", prefixItems: [number], items: number },
  }),
  {
    id: "uniqueness-added",
    title: "repeated items are no longer taken",
    why: "Payloads that are already in the queue may repeat an item.",
    example: { older: list, newer: { ...list, uniqueItems: true } },
    backward: "break",
    forward: "ok",
    safeWay: upgradeFirst,
  },
  {
    id: "uniqueness-removed",
    title: "repeated items are now taken",
    why: "Older workers refuse them.",
    example: { older: { ...list, uniqueItems: true }, newer: list },
    backward: "ok",
    forward: "break",
    safeWay: acceptFirst,
  },
  ...familyOf({
    ids: ["contains-added", "contains-removed", "contains-changed"],
    titles: ["an item is now demanded", "an item is no longer demanded", "another item is demanded"],
    why: "contains, minContains and maxContains.",
    wide: list,
    narrow: { ...list, contains: { const: "a" } },
    other: { ...list, contains: { const: "b" } },
  }),
] as const;

const logic = [
  ...familyOf({
    ids: ["condition-narrowed", "condition-widened", "condition-changed"],
    titles: ["a condition was added or narrowed", "a condition was removed or widened", "a condition was changed"],
    why: "not, if, overlapping unions and unevaluated properties are compared as a whole.",
    wide: text,
    narrow: { ...text, not: { const: "" } },
    other: { ...text, not: { const: "none" } },
  }),
  {
    id: "unknown-keyword",
    title: "a keyword that cannot be judged was added, removed or changed",
    why:
      "Keywords of a validator's plugins and malformed ones, and references that lead out of the schema, may mean anything. " +
      "A keyword that no dialect and no common plugin has is an annotation, and changes nothing.",
    example: { older: { ...text, transform: ["trim"] }, newer: { ...text, transform: ["toLowerCase"] } },
    backward: "unknown",
    forward: "unknown",
    safeWay: lookAtIt,
  },
  {
    id: "undecided",
    title: "the schemas differ in a way that could not be decided",
    why: "Neither a proof nor a payload that refutes it was found. It is treated as breaking.",
    example: { older: { $ref: "#" }, newer: { $ref: "#/$defs/a", $defs: { a: { $ref: "#/$defs/a" } } } },
    backward: "unknown",
    forward: "unknown",
    safeWay: lookAtIt,
  },
  {
    id: "payload-refused",
    title: "some payloads are no longer taken",
    why: "Several parts of the schema bring it about together; the witness shows a payload.",
    example: {
      older: {
        oneOf: [
          { type: "number", minimum: 0 },
          { type: "number", maximum: -1 },
        ],
      },
      newer: {
        oneOf: [
          { type: "number", minimum: 0 },
          { type: "number", maximum: 0 },
        ],
      },
    },
    backward: "break",
    forward: "ok",
    safeWay: upgradeFirst,
  },
] as const satisfies readonly Rule[];

export const valueRules = [...types, ...values, ...numbersAndTexts, ...arrays, ...logic] as const;

export type ValueRuleId = (typeof valueRules)[number]["id"];
