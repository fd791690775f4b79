import type { JsonType } from "./json.ts";
import type { ArrayPart, Node, ObjectPart, Opaque } from "./node.ts";
import type { NumberSet } from "./numbers.ts";

/** What `key` notes of a branch, worked out once. */
export function noted<Value>(branch: Branch, key: string, make: () => Value): Value {
  branch.notes.now ??= new Map();
  const notes = branch.notes.now;
  if (notes.has(key)) return notes.get(key) as Value;
  const value = make();
  notes.set(key, value);
  return value;
}

/**
 * The writer's side as a union of branches, each of one JSON type and free of alternatives.
 *
 * 1. The branches together take at least what the schemas take: where something cannot be expressed it is left out, so
 *    that a proof about all branches is a proof about all payloads. They may take more, hence no branch refutes anything.
 * 2. Only schemas in the role of a writer close objects; conditions, which the proof adds, narrow and never close.
 */

/**
 * writer: what was written satisfies it. condition: it holds too, but it describes nothing. not: it does not hold.
 * The others demand nothing: they say what else may have been declared, wherever they may hold.
 * sibling: instead of the writer, as another member of a union does: what it leaves open is open.
 * aside: together with the writer, as a condition does: it only adds what it declares.
 */
export type Role = "writer" | "condition" | "not" | "sibling" | "aside";

export function demands(role: Role): boolean {
  return role !== "sibling" && role !== "aside";
}

export interface Item {
  readonly node: Node;
  readonly role: Role;
  /** Only the keywords of the node itself: what it refers to stands beside it as items of their own. */
  readonly local: boolean;
}

/** Items that all hold, at one place of a payload. */
export interface Conjunction {
  readonly items: readonly Item[];
  readonly key: string;
}

export function conjunction(items: readonly Item[]): Conjunction {
  const byKey = new Map(items.map((item) => [keyOf(item), item]));
  const keys = [...byKey.keys()].sort();
  return { items: [...byKey.values()], key: keys.join() };
}

export function item(node: Node, role: Role): Item {
  return { node, role, local: false };
}

export function keyOf({ node, role, local }: Item): string {
  return `${node.id}${role[0]}${local ? "l" : ""}`;
}

export interface Placed<Part> {
  readonly part: Part;
  readonly role: Role;
}

export interface Branch {
  readonly type: JsonType;
  readonly items: readonly Item[];
  /** All there is, where that is known. */
  readonly values?: readonly unknown[];
  readonly excluded: readonly unknown[];
  readonly numbers: NumberSet;
  readonly minLength: number;
  readonly maxLength: number;
  readonly patterns: readonly string[];
  readonly notPatterns: readonly string[];
  readonly formats: readonly string[];
  readonly arrays: readonly Placed<ArrayPart>[];
  readonly objects: readonly Placed<ObjectPart>[];
  readonly opaque: readonly Opaque[];
  /** What does not hold, in addition to what could be said positively. */
  readonly nots: readonly Node[];
  readonly siblings: readonly Node[];
  readonly asides: readonly Node[];
  /** What others have worked out about this branch. */
  readonly notes: { now?: Map<string, unknown> };
  /** Null is here only where `nullable` is understood. */
  readonly byNullable: boolean;
}
