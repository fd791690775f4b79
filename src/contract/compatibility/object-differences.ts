import { objectNode } from "./constraints.ts";
import type { Walk } from "./differences.ts";
import { anything, type Node, type ObjectPart } from "./node.ts";
import { stepTo } from "./objects.ts";
import { outcomesOf } from "./outcome.ts";
import type { Family } from "./rule.ts";
import type { RuleId } from "./rules.ts";
import { type Shape, shapeOf } from "./shape.ts";

const others: Family<RuleId> = {
  narrowed: "additional-properties-closed",
  widened: "additional-properties-opened",
  replaced: "additional-properties-closed",
};
const names: Family<RuleId> = {
  narrowed: "property-names-narrowed",
  widened: "property-names-widened",
  replaced: "property-names-changed",
};
const patterns: Family<RuleId> = {
  narrowed: "pattern-properties-narrowed",
  widened: "pattern-properties-widened",
  replaced: "pattern-properties-changed",
};
const counts: Family<RuleId> = {
  narrowed: "property-count-tightened",
  widened: "property-count-loosened",
  replaced: "property-count-moved",
};
const dependencies: Family<RuleId> = {
  narrowed: "dependency-added",
  widened: "dependency-removed",
  replaced: "dependency-changed",
};

const nothing: ObjectPart = {
  properties: new Map(),
  declares: false,
  patterns: [],
  required: [],
  soft: [],
  dependentRequired: new Map(),
  dependentSchemas: new Map(),
};

export function objectDifferences(walk: Walk, older: Shape, newer: Shape, path: string): void {
  if (!older.types.has("object") || !newer.types.has("object")) return;
  const [before, after] = [older.object ?? nothing, newer.object ?? nothing];
  const keys = new Set([
    ...before.properties.keys(),
    ...before.required,
    ...after.properties.keys(),
    ...after.required,
  ]);
  for (const key of keys) propertyDifferences(walk, before, after, key, path);
  additionalDifferences(walk, before, after, path);
  const compare = (family: Family<RuleId>, wanted: readonly (keyof ObjectPart)[]) => {
    if (wanted.every((key) => isSame(before[key], after[key]))) return;
    walk.family(family, path, only(before, wanted), only(after, wanted));
  };
  compare(names, ["names"]);
  compare(patterns, ["patterns"]);
  compare(counts, ["minProperties", "maxProperties"]);
  compare(dependencies, ["dependentRequired", "dependentSchemas"]);
}

function isSame(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (Array.isArray(one) && Array.isArray(other)) return one.length === 0 && other.length === 0;
  return one instanceof Map && other instanceof Map && one.size === 0 && other.size === 0;
}

function only(part: ObjectPart, keys: readonly (keyof ObjectPart)[]): Node {
  const kept = Object.fromEntries(keys.filter((key) => part[key] !== undefined).map((key) => [key, part[key]]));
  return objectNode(kept, ["object"]);
}

function propertyDifferences(walk: Walk, before: ObjectPart, after: ObjectPart, key: string, path: string): void {
  const [one, other] = [before.properties.get(key), after.properties.get(key)];
  const here = `${path}${stepTo(key)}`;
  if (one !== undefined && other !== undefined) walk.below(one, other, here);
  const demanded = [before, after].map(({ required }) => required.includes(key));
  if (one === undefined && other === undefined && demanded[0] === demanded[1]) return;
  if (one !== undefined && other !== undefined) {
    if (isSoft(before, key) !== isSoft(after, key) || demanded[0] !== demanded[1])
      presenceDifference(walk, before, after, key, here);
    return;
  }
  const outcomes = outcomesOf(around(before, key), around(after, key), walk.budget);
  const isAdded = other !== undefined || demanded[1] === true;
  const demands = isAdded ? demanded[1] : demanded[0];
  walk.keep({
    rule: isAdded
      ? demands
        ? "required-property-added"
        : "property-added"
      : demands
        ? "required-property-removed"
        : "property-removed",
    path: here,
    kind: isAdded ? "added" : "removed",
    ...outcomes,
    ...(one !== undefined && { older: one.schema }),
    ...(other !== undefined && { newer: other.schema }),
  });
}

function isSoft({ soft }: ObjectPart, key: string): boolean {
  return soft.includes(key);
}

/** An object schema that says of one property all that it says of it, and of others only whether they are taken. */
function around(part: ObjectPart, key: string): Node {
  const property = part.properties.get(key);
  return objectNode(
    {
      properties: property === undefined ? new Map() : new Map([[key, property]]),
      declares: part.declares,
      required: part.required.filter((name) => name === key),
      soft: part.soft.filter((name) => name === key),
      patterns: part.patterns,
      ...(part.additional !== undefined && { additional: part.additional }),
    },
    ["object"],
  );
}

function presenceDifference(walk: Walk, before: ObjectPart, after: ObjectPart, key: string, path: string): void {
  const presence = (part: ObjectPart) =>
    objectNode(
      {
        properties: new Map([[key, anything]]),
        declares: true,
        required: part.required.filter((name) => name === key),
        soft: part.soft.filter((name) => name === key),
      },
      ["object"],
    );
  const outcomes = outcomesOf(presence(before), presence(after), walk.budget);
  const became = after.required.includes(key);
  const lostDefault = became && defaultOf(before, key) && !defaultOf(after, key);
  if (lostDefault) {
    // The walk below has told of the default already: what it means for its presence is the graver part.
    const index = walk.found.findIndex((found) => found.rule === "default-removed" && found.path === path);
    if (index >= 0) walk.found.splice(index, 1);
  }
  walk.keep({
    rule: lostDefault ? "default-removed" : became ? "property-became-required" : "property-became-optional",
    path,
    kind:
      outcomes.backward === "unknown" || outcomes.forward === "unknown" ? "undecided" : became ? "narrowed" : "widened",
    ...outcomes,
  });
}

function defaultOf({ properties }: ObjectPart, key: string): boolean {
  const node = properties.get(key);
  return node !== undefined && shapeOf(node).fallback !== undefined;
}

function additionalDifferences(walk: Walk, before: ObjectPart, after: ObjectPart, path: string): void {
  const [one, other] = [before.additional, after.additional];
  if (one === other) return;
  const isSchema = (node: Node | undefined) =>
    node !== undefined && node.parts.never !== true && Object.keys(node.parts).length > 0;
  if (one !== undefined && other !== undefined && isSchema(one) && isSchema(other)) {
    walk.below(one, other, `${path}/*`);
    return;
  }
  // Both sides know all the properties: what is asked is how they take the others.
  const properties = new Map([...before.properties.keys(), ...after.properties.keys()].map((key) => [key, anything]));
  const beside = (part: ObjectPart) =>
    objectNode(
      {
        properties,
        declares: part.declares,
        patterns: part.patterns,
        ...(part.additional !== undefined && { additional: part.additional }),
      },
      ["object"],
    );
  walk.family(others, path, beside(before), beside(after));
}
