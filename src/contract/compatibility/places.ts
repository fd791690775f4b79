import { type Branch, type Conjunction, conjunction, type Item, item, noted, type Role } from "./branch.ts";
import { BudgetSpent } from "./budget.ts";
import { leadsNowhere } from "./declaration.ts";
import { declaredAt, declaredBy, describesItems, freely, isTellable, restOf } from "./declared.ts";
import { evaluate } from "./evaluate.ts";
import { matches } from "./match.ts";
import { demandedKeys, Node } from "./node.ts";

/** What a branch holds at each key and index. Over-approximated: no demand stands here that does not hold for certain. */

/** Below a condition nothing is closed. */
function below(role: Role): Role {
  return role === "writer" ? "writer" : "condition";
}

/** What else may hold, and may have declared what was stored. */
function others({ siblings, asides }: Branch): readonly Node[] {
  return [...siblings, ...asides];
}

/** Whether the objects of a branch hold declared properties alone. */
export function isClosed(branch: Branch): boolean {
  return noted(branch, "closed", () => decideClosed(branch));
}

function decideClosed(branch: Branch): boolean {
  const { objects, siblings } = branch;
  if (leadsNowhere(branch)) return false;
  const writers = objects.filter(({ role }) => role === "writer").map(({ part }) => part);
  const isOpen = writers.some(
    ({ additional, unevaluated }) =>
      (additional !== undefined && additional.parts.never !== true) ||
      (unevaluated !== undefined && unevaluated.parts.never !== true),
  );
  return (
    !isOpen &&
    !others(branch).some((node) => declaredBy(node).open) &&
    !siblings.some((node) => restOf(node) === "silent") &&
    writers.some(
      ({ declares, additional, unevaluated }) =>
        (declares && additional === undefined && unevaluated === undefined) || unevaluated !== undefined,
    )
  );
}

/** The names that `propertyNames` lists, where it does, as for a record with an enumeration of keys. */
function listedNames({ objects }: Branch): readonly string[] | undefined {
  for (const { part } of objects) {
    if (part.maxProperties === 0 || part.names?.parts.never === true) return [];
    const values = part.names?.parts.values;
    if (values !== undefined) return values.filter((value) => typeof value === "string");
  }
  return;
}

/** Steps for a look at one name. */
const nameSteps = 500;

function isRefused(names: Node, key: string): boolean {
  try {
    return evaluate(names, key, { left: nameSteps }) === "no";
  } catch (error) {
    if (error instanceof BudgetSpent) return false;
    throw error;
  }
}

/** What stands at a key where it stands at all; undefined where it cannot. */
export function valueAt(branch: Branch, key: string): Conjunction | undefined {
  return noted(branch, `at ${key}`, () => findValue(branch, key));
}

function findValue(branch: Branch, key: string): Conjunction | undefined {
  if (listedNames(branch)?.includes(key) === false) return;
  if (branch.objects.some(({ part: { names } }) => names !== undefined && isRefused(names, key))) return;
  const items: Item[] = [];
  let declared = false;
  let unseen = true;
  for (const { part, role } of branch.objects) {
    const property = part.properties.get(key);
    if (property !== undefined) items.push(item(property, below(role)));
    let matched = property !== undefined;
    for (const { source, node } of part.patterns) {
      const applies = matches(source, key);
      if (applies === "no") continue;
      matched = true;
      items.push(item(node, applies === "yes" ? below(role) : "aside"));
    }
    if (!matched && part.additional !== undefined) items.push(item(part.additional, below(role)));
    declared ||= role === "writer" && (matched || demandedKeys(part).includes(key));
    unseen &&= !matched && part.additional === undefined;
  }
  if (unseen) items.push(...unevaluatedItems(branch, "objects"));
  if (!declared && isClosed(branch)) {
    const allowed = byOthers(branch, key);
    if (allowed === undefined) return;
    items.push(...allowed);
  }
  if (items.some(({ node }) => node.parts.never === true)) return;
  return conjunction(withOthers(branch, items, (node) => declaredAt(node, key), closes));
}

/**
 * With what else may have been declared below a place that the writer describes. A sibling that says nothing of it may have left
 * it as it was: it says all there is only where it `describes` such places.
 */
export function withOthers(
  { siblings, asides }: Branch,
  items: readonly Item[],
  find: (node: Node) => readonly Node[],
  describes: (sibling: Node) => boolean,
): readonly Item[] {
  const written = items.flatMap(({ node, role }) => (role === "writer" ? [node] : []));
  if (written.length === 0) return items;
  const isAlone = (node: Node) => written.every((other) => other === node);
  return [
    ...items,
    ...(siblings.every(describes) ? [] : [item(freely, "sibling")]),
    ...siblings.flatMap((node) =>
      find(node)
        .filter((at) => !isAlone(at) && holdsParts(at))
        .map((at) => item(at, "sibling")),
    ),
    ...asides.flatMap((node) =>
      find(node)
        .filter((at) => !written.includes(at) && holdsParts(at))
        .map((at) => item(at, "aside")),
    ),
  ];
}

function holdsParts(node: Node): boolean {
  return restOf(node) !== undefined || describesItems(node) !== undefined;
}

/** Whether a schema leaves no object with a property that it does not describe. */
export function closes(node: Node): boolean {
  return (restOf(node) ?? "closed") === "closed";
}

/** What the writer demands of keys or items that none of its schemas looks at, where that can be known. Below it nothing is closed. */
export function unevaluatedItems(branch: Branch, kind: "objects" | "arrays"): readonly Item[] {
  if (others(branch).length > 0) return [];
  const found = branch[kind].flatMap(({ part: { unevaluated }, role }) =>
    role === "writer" && unevaluated !== undefined ? [unevaluated] : [],
  );
  // What an inner schema has looked at the outer one no longer does, and which is which nobody knows here: one of them looks.
  const looking = found.length < 2 ? found : [Node.of({ anyOf: found })];
  return looking.map((node) => item(node, "condition"));
}

/** What holds of a key that only another member of a union, or a condition, declares; undefined where none does. */
function byOthers(branch: Branch, key: string): readonly Item[] | undefined {
  const { objects, siblings } = branch;
  const declaring = others(branch).filter((node) => declaredAt(node, key).length > 0);
  const [only] = declaring;
  if (only === undefined) return;
  const [node, ...more] = declaredAt(only, key);
  // Where nobody can tell whether it holds, its word is taken for the name, and not for the value.
  if (declaring.length > 1 || node === undefined || more.length > 0 || !isTellable(only)) return [];
  if (declaredBy(only).keys.get(key)?.length !== 1) return [];
  // What is below is closed where all that may hold would leave out the key itself.
  const parts = objects.flatMap(({ part, role }) => (role === "writer" ? [part] : []));
  const all =
    siblings.includes(only) && parts.every(({ declares, additional }) => declares && additional === undefined);
  return [item(node, all ? "writer" : "condition")];
}

/** All keys that any schema of the branch names. */
export function namedKeys(branch: Branch): readonly string[] {
  return noted(branch, "named", () => findNamed(branch));
}

function findNamed(branch: Branch): readonly string[] {
  const { objects } = branch;
  const keys = new Set(listedNames(branch));
  for (const { part } of objects) {
    for (const key of part.properties.keys()) keys.add(key);
    for (const key of part.required) keys.add(key);
    for (const [key, needed] of part.dependentRequired) for (const other of [key, ...needed]) keys.add(other);
    for (const key of part.dependentSchemas.keys()) keys.add(key);
  }
  for (const node of others(branch)) for (const key of declaredBy(node).keys.keys()) keys.add(key);
  return [...keys];
}

/** Keys that the producer's own schema declares, apart from those that only a sibling would. */
export function writtenKeys({ objects }: Branch): readonly string[] {
  return [
    ...new Set(
      objects.flatMap(({ part, role }) => (role === "writer" ? [...part.properties.keys(), ...part.required] : [])),
    ),
  ];
}

/** Keys that are there for certain. */
export function requiredKeys(branch: Branch): ReadonlySet<string> {
  return noted(branch, "required", () => findRequired(branch));
}

function findRequired({ objects }: Branch): ReadonlySet<string> {
  const keys = new Set(objects.flatMap(({ part }) => part.required.filter((key) => !part.soft.includes(key))));
  for (let before = -1; before < keys.size; ) {
    before = keys.size;
    for (const { part } of objects)
      for (const [key, needed] of part.dependentRequired)
        if (keys.has(key)) for (const other of needed) keys.add(other);
  }
  return keys;
}

/** Keys that are required, with a default that some libraries fill in. */
export function softKeys({ objects }: Branch): ReadonlySet<string> {
  return new Set(objects.flatMap(({ part }) => part.soft));
}

export function propertyCount(branch: Branch): readonly [min: number, max: number] {
  return noted(branch, "count", () => countProperties(branch));
}

function countProperties(branch: Branch): readonly [min: number, max: number] {
  const parts = branch.objects.map(({ part }) => part);
  const min = Math.max(requiredKeys(branch).size, ...parts.map(({ minProperties }) => minProperties ?? 0));
  const max = Math.min(...parts.map(({ maxProperties }) => maxProperties ?? Number.POSITIVE_INFINITY));
  const isFixed = hasOnlyNamedKeys(branch);
  const possible = isFixed ? namedKeys(branch).filter((key) => valueAt(branch, key) !== undefined).length : max;
  return [min, Math.min(max, possible)];
}

/** Whether no key can occur but the named ones. */
export function hasOnlyNamedKeys(branch: Branch): boolean {
  return noted(branch, "only named", () => decideNamed(branch));
}

function decideNamed(branch: Branch): boolean {
  const { objects } = branch;
  if (listedNames(branch) !== undefined) return true;
  const patternless = objects.every(({ part }) => part.patterns.length === 0);
  if (!patternless) return false;
  return (
    objects.some(({ part }) => part.additional?.parts.never === true) ||
    (isClosed(branch) && others(branch).every((node) => declaredBy(node).patterns.length === 0))
  );
}

/** What stands at an index. */
export function itemAt(branch: Branch, index: number): Conjunction {
  return noted(branch, `item ${index}`, () => findItem(branch, index));
}

function findItem(branch: Branch, index: number): Conjunction {
  const { arrays } = branch;
  const items = arrays.flatMap(({ part, role }) => {
    const node = part.prefix[index] ?? part.rest;
    return node === undefined ? [] : [item(node, below(role))];
  });
  const unseen = items.length === 0 && arrays.every(({ part }) => part.contains === undefined);
  if (unseen) return conjunction(unevaluatedItems(branch, "arrays"));
  const find = (node: Node) => declaredBy(node).arrays.flatMap(({ prefix, rest }) => prefix[index] ?? rest ?? []);
  return conjunction(withOthers(branch, items, find, (node) => describesItems(node) !== false));
}

/** From this index on all items are alike. */
export function prefixLength({ arrays }: Branch): number {
  return Math.max(0, ...arrays.map(({ part }) => part.prefix.length));
}

export function itemCount(branch: Branch): readonly [min: number, max: number] {
  return noted(branch, "items", () => countItems(branch));
}

function countItems(branch: Branch): readonly [min: number, max: number] {
  const parts = branch.arrays.map(({ part }) => part);
  const min = Math.max(0, ...parts.map(({ minItems, contains }) => Math.max(minItems ?? 0, contains?.min ?? 0)));
  let max = Math.min(...parts.map(({ maxItems }) => maxItems ?? Number.POSITIVE_INFINITY));
  const longest = prefixLength(branch);
  for (let index = 0; index <= longest && index < max; index++)
    if (itemAt(branch, index).items.some(({ node }) => node.parts.never === true)) max = index;
  return [min, max];
}
