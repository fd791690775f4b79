import { acceptFirst, familyOf, type Rule, upgradeFirst } from "./rule.ts";

const id = { type: "number" } as const;
const note = { type: "string" } as const;
const plain = { type: "object", properties: { id }, required: ["id"] } as const;
const withOptional = { type: "object", properties: { id, note }, required: ["id"] } as const;
const withRequired = { type: "object", properties: { id, note }, required: ["id", "note"] } as const;

function withDefault(value: string): { readonly [keyword: string]: unknown } {
  return { type: "object", properties: { id, note: { ...note, default: value } }, required: ["id"] };
}

const properties = [
  {
    id: "property-added",
    title: "an optional property was added",
    why: "Old payloads lack it, as they may. Older workers ignore it: the job runs, but not as its producer meant it. A reader that refuses unknown properties fails instead.",
    example: { older: plain, newer: withOptional },
    backward: "ok",
    forward: "drop",
    safeWay: acceptFirst,
  },
  {
    id: "required-property-added",
    title: "a required property was added",
    why: "No payload that is already in the queue has it.",
    example: { older: plain, newer: withRequired },
    backward: "break",
    forward: "drop",
    safeWay: `Give it a default, or make it optional. Otherwise: ${upgradeFirst}`,
  },
  {
    id: "property-removed",
    title: "an optional property was removed",
    why: "Where old payloads have it, the new code ignores it.",
    example: { older: withOptional, newer: plain },
    backward: "drop",
    forward: "ok",
    safeWay: "Remove it once no job in the queue needs it any more, or carry its meaning over in an upgrade.",
  },
  {
    id: "required-property-removed",
    title: "a required property was removed",
    why: "Older workers refuse payloads without it, and the new code ignores it where old payloads have it.",
    example: { older: withRequired, newer: plain },
    backward: "drop",
    forward: "break",
    safeWay:
      "Make it optional first; stop writing it when no worker demands it any more; then remove it. Or add a revision with a downgrade that fills it in.",
  },
  {
    id: "property-became-required",
    title: "an optional property became required",
    why: "Payloads that are already in the queue may lack it.",
    example: { older: withOptional, newer: withRequired },
    backward: "break",
    forward: "ok",
    safeWay: upgradeFirst,
  },
  {
    id: "property-became-optional",
    title: "a required property became optional",
    why: "Older workers refuse payloads without it.",
    example: { older: withRequired, newer: withOptional },
    backward: "ok",
    forward: "break",
    safeWay: acceptFirst,
  },
  {
    id: "default-changed",
    title: "a default was changed",
    why: "A payload that leaves the property out now means something else, depending on who reads it.",
    example: { older: withDefault("none"), newer: withDefault("empty") },
    backward: "change",
    forward: "change",
    safeWay: "Write the old value into the jobs that wait by an upgrade, or let producers always send the property.",
  },
  {
    id: "default-added",
    title: "a default was added",
    why: "The new code finds a value where a payload has none; the old code finds none.",
    example: { older: withOptional, newer: withDefault("none") },
    backward: "change",
    forward: "change",
    safeWay: "Safe where the old code treated a missing value as the default says.",
  },
  {
    id: "default-removed",
    title: "a default was removed",
    why: "Payloads without the property relied on it. Where the property is now required, they are refused.",
    example: { older: withDefault("none"), newer: withRequired },
    backward: "break",
    forward: "ok",
    safeWay: `Move the default into an upgrade. ${upgradeFirst}`,
  },
  {
    id: "additional-properties-closed",
    title: "properties that are not declared are no longer taken",
    why: "Payloads already in the queue may have some, where the old schema let them through.",
    example: { older: { ...plain, additionalProperties: {} }, newer: { ...plain, additionalProperties: false } },
    backward: "break",
    forward: "ok",
    safeWay: upgradeFirst,
  },
  {
    id: "additional-properties-opened",
    title: "properties that are not declared are now taken",
    why: "Older workers refuse them.",
    example: { older: { ...plain, additionalProperties: false }, newer: { ...plain, additionalProperties: {} } },
    backward: "ok",
    forward: "break",
    safeWay: acceptFirst,
  },
] as const satisfies readonly Rule[];

const record = { type: "object", additionalProperties: id } as const;

const families = [
  ...familyOf({
    ids: ["property-names-narrowed", "property-names-widened", "property-names-changed"],
    titles: ["fewer property names are taken", "more property names are taken", "other property names are taken"],
    why: "A record's keys are part of its payload.",
    wide: record,
    narrow: { ...record, propertyNames: { pattern: "^[a-z]+$" } },
    other: { ...record, propertyNames: { pattern: "^[0-9]+$" } },
  }),
  ...familyOf({
    ids: ["pattern-properties-narrowed", "pattern-properties-widened", "pattern-properties-changed"],
    titles: [
      "properties that match a pattern are held to more",
      "properties that match a pattern are held to less",
      "properties that match a pattern are held to something else",
    ],
    why: "A record's entries are part of its payload.",
    wide: { type: "object", patternProperties: { "^x-": {} } },
    narrow: { type: "object", patternProperties: { "^x-": id } },
    other: { type: "object", patternProperties: { "^x-": note } },
  }),
  ...familyOf({
    ids: ["property-count-tightened", "property-count-loosened", "property-count-moved"],
    titles: [
      "fewer counts of properties are taken",
      "more counts of properties are taken",
      "other counts of properties are taken",
    ],
    why: "minProperties and maxProperties bound how many entries a record has.",
    wide: record,
    narrow: { ...record, maxProperties: 10 },
    other: { ...record, minProperties: 5 },
  }),
  ...familyOf({
    ids: ["dependency-added", "dependency-removed", "dependency-changed"],
    titles: [
      "a property now demands another",
      "a property no longer demands another",
      "a property demands another one than before",
    ],
    why: "dependentRequired and dependentSchemas apply as soon as their property is there.",
    wide: { type: "object", properties: { id, note, key: id } },
    narrow: { type: "object", properties: { id, note, key: id }, dependentRequired: { id: ["note"] } },
    other: { type: "object", properties: { id, note, key: id }, dependentRequired: { id: ["key"] } },
  }),
] as const;

export const objectRules = [...properties, ...families] as const;

export type ObjectRuleId = (typeof objectRules)[number]["id"];
