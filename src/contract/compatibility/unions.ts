import { type Item, item, type Role } from "./branch.ts";
import { describesItems, restOf } from "./declared.ts";
import { isAmong } from "./json.ts";
import type { Node, Parts, TypeName } from "./node.ts";

/**
 * What is known where one member of a union holds. On the writer's side others may hold as well, and then what any of
 * them declares has been stored, at any depth, and what one of them leaves open has been left as it was.
 */
export function chosenOf(members: readonly Node[], member: Node, role: Role): readonly Item[] {
  if (role !== "writer") return [item(member, role)];
  const others = members.filter((other) => other !== member && !areApart(member, other));
  if (others.length === 0) return [item(member, role)];
  if (closeAlike([member, ...others])) return [item(member, role), ...others.map((other) => item(other, "sibling"))];
  return [item(member, "condition"), item(member, "aside"), ...others.map((other) => item(other, "aside"))];
}

/** Whether each of the schemas leaves out of objects what it does not declare, and all or none of them describe all items. */
function closeAlike(nodes: readonly Node[]): boolean {
  const items = new Set(nodes.flatMap((node) => describesItems(node) ?? []));
  return nodes.every((node) => (restOf(node) ?? "closed") === "closed") && items.size < 2;
}

/** Whether no value satisfies both, for a plain reason that whoever looks at a payload sees as well. */
function areApart(one: Node, other: Node): boolean {
  const [mine, others] = [outlineOf(one), outlineOf(other)];
  if (areDisjoint(mine, others)) return true;
  if (mine.types?.size !== 1 || !mine.types.has("object")) return false;
  for (const key of new Set([...mine.required, ...others.required])) {
    const [here, there] = [mine.properties.get(key), others.properties.get(key)];
    if (here !== undefined && there !== undefined && areDisjoint(outlineOf(here), outlineOf(there))) return true;
  }
  return false;
}

interface Outline {
  readonly types?: ReadonlySet<TypeName>;
  readonly values?: readonly unknown[];
  readonly required: ReadonlySet<string>;
  readonly properties: ReadonlyMap<string, Node>;
}

const maxMembers = 30;

/** What a schema says in plain words, references followed. */
function outlineOf(node: Node): Outline {
  return node.note("outline", () => {
    let types: Parts["types"];
    let values: Parts["values"];
    const required = new Set<string>();
    const properties = new Map<string, Node>();
    const members = new Set([node]);
    for (const { parts } of members) {
      if (parts.nullable !== true) types ??= parts.types;
      values ??= parts.values;
      for (const key of parts.object?.required ?? []) if (parts.object?.soft.includes(key) !== true) required.add(key);
      for (const [key, property] of parts.object?.properties ?? [])
        if (!properties.has(key)) properties.set(key, property);
      if (members.size < maxMembers) for (const member of parts.allOf ?? []) members.add(member);
    }
    return { required, properties, ...(types && { types }), ...(values && { values }) };
  });
}

function areDisjoint(one: Outline, other: Outline): boolean {
  const { types, values } = one;
  if (values !== undefined && other.values !== undefined && !values.some((value) => isAmong(other.values ?? [], value)))
    return true;
  if (types === undefined || other.types === undefined) return false;
  const isNumeric = (set: ReadonlySet<TypeName>) => set.has("number") || set.has("integer");
  return ![...types].some((type) => other.types?.has(type)) && !(isNumeric(types) && isNumeric(other.types));
}
