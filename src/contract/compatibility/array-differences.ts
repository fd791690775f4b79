import type { Walk } from "./differences.ts";
import { type ArrayPart, anything, Node, type TypeName } from "./node.ts";
import type { Family } from "./rule.ts";
import type { RuleId } from "./rules.ts";
import type { Shape } from "./shape.ts";

const sizes: Family<RuleId> = { narrowed: "size-tightened", widened: "size-loosened", replaced: "size-moved" };
const items: Family<RuleId> = { narrowed: "items-narrowed", widened: "items-widened", replaced: "items-replaced" };
const contents: Family<RuleId> = {
  narrowed: "contains-added",
  widened: "contains-removed",
  replaced: "contains-changed",
};
const uniqueness: Family<RuleId> = {
  narrowed: "uniqueness-added",
  widened: "uniqueness-removed",
  replaced: "uniqueness-added",
};

export function arrayDifferences(walk: Walk, older: Shape, newer: Shape, path: string): void {
  if (!older.types.has("array") || !newer.types.has("array")) return;
  const [before, after] = [older.array ?? { prefix: [] }, newer.array ?? { prefix: [] }];
  itemDifferences(walk, before, after, path);
  const compare = (family: Family<RuleId>, keys: readonly (keyof ArrayPart)[]) => {
    if (keys.every((key) => before[key] === after[key])) return;
    walk.family(family, path, only(before, keys), only(after, keys), {
      older: shown(before, keys),
      newer: shown(after, keys),
    });
  };
  compare(sizes, ["minItems", "maxItems"]);
  compare(uniqueness, ["unique"]);
  compare(contents, ["contains"]);
}

function only(part: ArrayPart, keys: readonly (keyof ArrayPart)[]): Node {
  const kept = Object.fromEntries(keys.filter((key) => part[key] !== undefined).map((key) => [key, part[key]]));
  return Node.of({ types: new Set<TypeName>(["array"]), array: { prefix: [], ...kept } });
}

function shown(part: ArrayPart, keys: readonly (keyof ArrayPart)[]): unknown {
  if (keys.includes("contains")) return part.contains?.node.schema;
  return Object.fromEntries(keys.filter((key) => part[key] !== undefined).map((key) => [key, part[key]]));
}

function itemDifferences(walk: Walk, before: ArrayPart, after: ArrayPart, path: string): void {
  const shared = Math.min(before.prefix.length, after.prefix.length);
  for (let index = 0; index < shared; index++)
    walk.below(before.prefix[index] ?? anything, after.prefix[index] ?? anything, `${path}/${index}`);
  if (before.prefix.length === after.prefix.length && (before.rest === undefined) === (after.rest === undefined)) {
    if (
      before.rest !== undefined &&
      after.rest !== undefined &&
      before.rest.schema !== false &&
      after.rest.schema !== false
    )
      walk.below(before.rest, after.rest, `${path}/*`);
    if (before.rest?.parts.never === after.rest?.parts.never) return;
  }
  // What both have is compared above; here it is the rest, or the length of the tuple, that differs.
  const tail = (part: ArrayPart) => ({
    prefix: part.prefix.map((node, index) => (index < shared ? anything : node)),
    ...(part.rest !== undefined && { rest: part.rest }),
    ...(part.prefix.length !== shared && part.minItems !== undefined && { minItems: part.minItems }),
  });
  const array = new Set<TypeName>(["array"]);
  walk.family(
    items,
    path,
    Node.of({ types: array, array: tail(before) }),
    Node.of({ types: array, array: tail(after) }),
  );
}
