import type { Shown, Walk } from "./differences.ts";
import { isAmong, jsonTypes, sameJson } from "./json.ts";
import { Node, type NumberPart, type Parts, type StringPart, type TypeName } from "./node.ts";
import type { Family } from "./rule.ts";
import type { RuleId } from "./rules.ts";
import type { Shape } from "./shape.ts";

/** Types, values, numbers and texts. */
export function scalarDifferences(walk: Walk, older: Shape, newer: Shape, path: string): void {
  if (older.values === undefined || newer.values === undefined) typeDifferences(walk, older, newer, path);
  valueDifferences(walk, older, newer, path);
  if (hasType(older, "number") && hasType(newer, "number")) numberDifferences(walk, older, newer, path);
  if (hasType(older, "string") && hasType(newer, "string")) textDifferences(walk, older, newer, path);
  compareParts(walk, formats, path, older, newer, ({ formats: names }) => ({
    allOf: names.map((format) => Node.of({ format })),
  }));
}

const formats: Family<RuleId> = { narrowed: "format-added", widened: "format-removed", replaced: "format-changed" };
const ranges: Family<RuleId> = { narrowed: "range-tightened", widened: "range-loosened", replaced: "range-moved" };
const multiples: Family<RuleId> = { narrowed: "step-added", widened: "step-removed", replaced: "step-changed" };
const lengths: Family<RuleId> = { narrowed: "length-tightened", widened: "length-loosened", replaced: "length-moved" };
const patterns: Family<RuleId> = { narrowed: "pattern-added", widened: "pattern-removed", replaced: "pattern-changed" };
const types: Family<RuleId> = { narrowed: "type-removed", widened: "type-added", replaced: "type-replaced" };

function hasType({ types: names }: Shape, type: TypeName): boolean {
  return names.has(type) || (type === "number" && names.has("integer"));
}

function typeDifferences(walk: Walk, older: Shape, newer: Shape, path: string): void {
  const [before, after] = [older.types, newer.types];
  const gone = jsonTypes.filter((type) => hasType(older, type) && !hasType(newer, type));
  const come = jsonTypes.filter((type) => !hasType(older, type) && hasType(newer, type));
  const shown = { older: [...before], newer: [...after] };
  if (
    gone.length > 0 &&
    come.length > 0 &&
    !(gone[0] === "null" && gone.length === 1) &&
    !(come[0] === "null" && come.length === 1)
  ) {
    walk.keep({ rule: "type-replaced", path, kind: "replaced", backward: "break", forward: "break", ...shown });
    return;
  }
  if (gone.length > 0)
    walk.keep({
      rule: gone.length === 1 && gone[0] === "null" ? "null-removed" : types.narrowed,
      path,
      kind: "narrowed",
      backward: "break",
      forward: "ok",
      ...shown,
    });
  if (come.length > 0)
    walk.keep({
      rule: come.length === 1 && come[0] === "null" ? "null-added" : types.widened,
      path,
      kind: "widened",
      backward: "ok",
      forward: "break",
      ...shown,
    });
  if (!hasType(older, "number") || !hasType(newer, "number") || before.has("number") === after.has("number")) return;
  const narrower = before.has("number");
  walk.keep({
    rule: narrower ? "number-became-integer" : "integer-became-number",
    path,
    kind: narrower ? "narrowed" : "widened",
    backward: narrower ? "break" : "ok",
    forward: narrower ? "ok" : "break",
    ...shown,
  });
}

function valueDifferences(walk: Walk, older: Shape, newer: Shape, path: string): void {
  const [before, after] = [older.values, newer.values];
  if (before === undefined && after === undefined) return;
  const shown: Shown = { older: before, newer: after };
  if (before === undefined || after === undefined) {
    const family = {
      narrowed: "enumeration-added",
      widened: "enumeration-removed",
      replaced: "type-replaced",
    } as const;
    if (jsonTypes.some((type) => hasType(older, type) && hasType(newer, type)))
      walk.family(family, path, plain(older), plain(newer), shown);
    return;
  }
  const gone = before.filter((value) => !isAmong(after, value));
  const come = after.filter((value) => !isAmong(before, value));
  if (before.length === 1 && after.length === 1 && gone.length === 1) {
    walk.keep({ rule: "constant-replaced", path, kind: "replaced", backward: "break", forward: "break", ...shown });
    return;
  }
  if (gone.length > 0)
    walk.keep({ rule: "value-removed", path, kind: "removed", backward: "break", forward: "ok", older: gone });
  if (come.length > 0)
    walk.keep({ rule: "value-added", path, kind: "added", backward: "ok", forward: "break", newer: come });
}

/** Types and values alone. */
function plain({ types: names, values }: Shape): Node {
  return Node.of({ types: names, ...(values !== undefined && { values }) });
}

function numberDifferences(walk: Walk, older: Shape, newer: Shape, path: string): void {
  const type = typeOfNumbers(older, newer);
  compareParts(walk, ranges, path, older, newer, ({ number = {} }) => {
    const { multipleOf: _, ...range } = number;
    return { ...type, number: range };
  });
  compareParts(walk, multiples, path, older, newer, ({ number = {} }): Parts => {
    const only: NumberPart = number.multipleOf === undefined ? {} : { multipleOf: number.multipleOf };
    return { ...type, number: only };
  });
}

function typeOfNumbers(older: Shape, newer: Shape): Parts {
  const isInteger = !older.types.has("number") && !newer.types.has("number");
  return { types: new Set<TypeName>([isInteger ? "integer" : "number"]) };
}

function textDifferences(walk: Walk, older: Shape, newer: Shape, path: string): void {
  const type: Parts = { types: new Set<TypeName>(["string"]) };
  compareParts(walk, lengths, path, older, newer, ({ string = {} }) => {
    const { pattern: _, notPattern: __, ...length } = string;
    return { ...type, string: length as StringPart };
  });
  compareParts(walk, patterns, path, older, newer, ({ patterns: sources }) => ({
    ...type,
    allOf: sources.map((pattern) => Node.of({ string: { pattern } })),
  }));
}

function compareParts(
  walk: Walk,
  family: Family<RuleId>,
  path: string,
  older: Shape,
  newer: Shape,
  take: (shape: Shape) => Parts,
): void {
  const [one, other] = [take(older), take(newer)];
  const [before, after] = [one, other].map(shownOf);
  if (sameJson(before, after)) return;
  walk.family(family, path, Node.of(one), Node.of(other), { older: before, newer: after });
}

function shownOf(parts: Parts): unknown {
  if (parts.allOf !== undefined) return parts.allOf.map((node) => node.parts.format ?? node.parts.string?.pattern);
  return parts.number ?? parts.string ?? {};
}
