import { type Branch, type Conjunction, demands, type Item, item, keyOf, type Placed, type Role } from "./branch.ts";
import { type Budget, remembered, spend } from "./budget.ts";
import { constraintsOf, objectNode } from "./constraints.ts";
import { freely, isTellable, perhaps } from "./declared.ts";
import { evaluate } from "./evaluate.ts";
import { isAmong, type JsonType, jsonTypes, typeOfJson } from "./json.ts";
import { type ArrayPart, anything, Node, type ObjectPart, type Opaque, type TypeName } from "./node.ts";
import { allNumbers, integerBounds, isEmptyNumbers, isInteger, type NumberSet, narrowed } from "./numbers.ts";
import { chosenOf } from "./unions.ts";

/** The branches of a conjunction: its alternatives chosen in every way. */

type Choice = readonly (readonly Item[])[];

/** More branches than this are not followed: the alternatives left are left out. */
const maxBranches = 160;
/** A negation with more ways than this is only remembered. */
const maxWays = 8;

class State {
  queue: Item[] = [];
  done = new Map<string, Item>();
  types: JsonType[] = [...jsonTypes];
  integer = false;
  values: readonly unknown[] | undefined;
  excluded: unknown[] = [];
  numbers = allNumbers;
  minLength = 0;
  maxLength = Number.POSITIVE_INFINITY;
  patterns: string[] = [];
  notPatterns: string[] = [];
  formats: string[] = [];
  arrays: Placed<ArrayPart>[] = [];
  objects: Placed<ObjectPart>[] = [];
  opaque: Opaque[] = [];
  nots: Node[] = [];
  siblings: Node[] = [];
  asides: Node[] = [];
  choices: Choice[] = [];
  byNullable = false;

  copy(): State {
    const copy = Object.assign(new State(), this);
    copy.done = new Map(this.done);
    for (const list of lists) Object.assign(copy, { [list]: [...this[list]] });
    return copy;
  }

  /** Takes in all that is queued; false where nothing can satisfy it. */
  absorb(budget: Budget): boolean {
    for (let next = this.queue.pop(); next !== undefined; next = this.queue.pop()) {
      spend(budget);
      const key = keyOf({ ...next, local: true });
      if (this.done.has(key)) continue;
      this.done.set(key, { ...next, local: true });
      if (!this.#take(next)) return false;
    }
    return true;
  }

  #take({ node, role, local }: Item): boolean {
    if (role === "sibling") {
      this.siblings.push(node);
      return true;
    }
    if (role === "aside") {
      this.asides.push(node);
      return true;
    }
    if (role === "not") {
      this.nots.push(node);
      if (!local) this.#negate(node);
      return true;
    }
    if (!local) this.#follow(node, role);
    return this.#narrow(node, role);
  }

  #negate(node: Node): void {
    const ways = constraintsOf(node).map(({ opposite }) => opposite);
    if (ways.length > maxWays) return;
    this.choices.push(ways.map((way) => [item(way, "condition")]));
  }

  #follow({ parts }: Node, role: Role): void {
    for (const member of parts.allOf ?? []) this.queue.push(item(member, role));
    if (parts.not !== undefined) this.queue.push(item(parts.not, "not"));
    for (const { perhaps } of parts.opaque ?? [])
      if (perhaps !== undefined && role === "writer") this.queue.push(item(perhaps, "aside"));
    const { anyOf, oneOf, condition } = parts;
    if (anyOf !== undefined) this.choices.push(anyOf.map((member) => chosenOf(anyOf, member, role)));
    if (oneOf !== undefined)
      this.choices.push(
        oneOf.map((member, index) => [
          // Where nobody can tell which one holds, the producer stores what any of them declares.
          ...chosenOf(isTellable(member) ? [member] : oneOf.filter((other) => !isTellable(other)), member, role),
          // Remembered, not followed: that no other member holds matters only where members overlap.
          ...oneOf
            .filter((_, other) => other !== index)
            .map((other): Item => ({ node: other, role: "not", local: true })),
        ]),
      );
    if (condition !== undefined) {
      const { asked, holding, failing } = condition;
      const perhapsAlso = (node: Node | undefined) =>
        node === undefined || isTellable(asked) ? [] : [item(perhaps(node), "aside")];
      this.choices.push([
        [
          item(asked, "condition"),
          item(namesOf(asked), "aside"),
          ...(holding === undefined ? [] : [item(holding, role)]),
          ...perhapsAlso(failing),
        ],
        [
          item(asked, "not"),
          ...(failing === undefined ? [] : [item(failing, role)]),
          ...[...perhapsAlso(holding), ...perhapsAlso(namesOf(asked))],
        ],
      ]);
    }
    for (const [key, node] of parts.object?.dependentSchemas ?? [])
      this.choices.push([
        [item(absent(node, key), "condition")],
        [item(present(node, key), "condition"), item(node, role)],
      ]);
  }

  #narrow({ parts }: Node, role: Role): boolean {
    if (parts.never === true) return false;
    if (parts.types !== undefined) this.#narrowTypes(parts.types, parts.nullable === true);
    if (parts.values !== undefined) {
      const { values } = parts;
      this.values = this.values === undefined ? values : this.values.filter((one) => isAmong(values, one));
      const types = new Set(this.values.map(typeOfJson));
      this.types = this.types.filter((type) => types.has(type));
    }
    if (parts.excluded !== undefined) this.excluded.push(...parts.excluded);
    if (parts.number !== undefined) this.numbers = narrowed(this.numbers, parts.number);
    if (parts.string !== undefined) {
      const { minLength, maxLength, pattern, notPattern } = parts.string;
      if (minLength !== undefined) this.minLength = Math.max(this.minLength, minLength);
      if (maxLength !== undefined) this.maxLength = Math.min(this.maxLength, maxLength);
      if (pattern !== undefined) this.patterns.push(pattern);
      if (notPattern !== undefined) this.notPatterns.push(notPattern);
    }
    if (parts.format !== undefined) this.formats.push(parts.format);
    if (parts.array !== undefined) this.arrays.push({ part: parts.array, role });
    if (parts.object !== undefined) this.objects.push({ part: parts.object, role });
    if (parts.opaque !== undefined) this.opaque.push(...parts.opaque);
    return this.types.length > 0;
  }

  #narrowTypes(types: ReadonlySet<TypeName>, nullable: boolean): void {
    if (nullable && this.types.includes("null")) this.byNullable = true;
    this.types = this.types.filter(
      (type) => types.has(type) || (type === "number" && types.has("integer")) || (type === "null" && nullable),
    );
    if (types.has("integer") && !types.has("number")) this.integer = true;
  }
}

const lists = [
  "queue",
  "types",
  "excluded",
  "patterns",
  "notPatterns",
  "formats",
  "arrays",
  "objects",
  "opaque",
  "nots",
  "siblings",
  "asides",
  "choices",
] as const;

/** A schema of which nothing counts but the names. */
function namesOf(asked: Node): Node {
  return asked.note("names", () => Node.of({ condition: { asked, holding: anything } }));
}

function absent(owner: Node, key: string): Node {
  return owner.note(`absent ${key}`, () => objectNode({ properties: new Map([[key, Node.of({ never: true })]]) }));
}

function present(owner: Node, key: string): Node {
  return owner.note(`present ${key}`, () => objectNode({ required: [key] }, ["object"]));
}

/** @throws {BudgetSpent} */
export function expand(at: Conjunction, budget: Budget): readonly Branch[] {
  return remembered(budget, `branches ${at.key}`, () => expandItems(at.items, budget));
}

function expandItems(items: readonly Item[], budget: Budget): readonly Branch[] {
  const start = new State();
  start.queue.push(...items);
  if (!start.absorb(budget)) return [];
  let states = [start];
  const ready: State[] = [];
  while (states.length > 0) {
    const next: State[] = [];
    for (const state of states) {
      const choice = state.choices.pop();
      if (choice === undefined) ready.push(state);
      else next.push(...chosen(state, choice, budget));
    }
    if (next.length + ready.length > maxBranches) return branchesOf(looseOf(start), budget);
    states = next;
  }
  return ready.flatMap((state) => branchesOf(state, budget));
}

/** Without its alternatives: nothing may be concluded from what is not declared. */
function looseOf(state: State): State {
  const loose = state.copy();
  loose.queue.push(item(freely, "sibling"));
  loose.absorb({ left: 10 });
  return loose;
}

function chosen(state: State, choice: Choice, budget: Budget): State[] {
  return choice.flatMap((items) => {
    const copy = state.copy();
    copy.queue.push(...items);
    return copy.absorb(budget) && !isHopeless(copy) ? [copy] : [];
  });
}

/** A property whose constants exclude each other: how most unions are told apart. */
function isHopeless({ types, objects }: State): boolean {
  if (types.length !== 1 || types[0] !== "object" || objects.length < 2) return false;
  const required = new Set(objects.flatMap(({ part }) => part.required.filter((key) => !part.soft.includes(key))));
  for (const key of required) {
    const values = objects.flatMap(({ part }) => {
      const found = part.properties.get(key);
      if (found === undefined) return [];
      return found.parts.never === true ? [[]] : found.parts.values === undefined ? [] : [found.parts.values];
    });
    const [first, ...others] = values;
    if (first === undefined) continue;
    if (!first.some((value) => others.every((other) => isAmong(other, value)))) return true;
  }
  return false;
}

function branchesOf(state: State, budget: Budget): Branch[] {
  const items = [...state.done.values()];
  return state.types.flatMap((type) => {
    const branch: Branch = {
      type,
      items: [...items, { node: typeNodes[type], role: "condition", local: true }],
      excluded: state.excluded,
      numbers: { ...state.numbers, integer: state.integer },
      minLength: state.minLength,
      maxLength: state.maxLength,
      patterns: state.patterns,
      notPatterns: state.notPatterns,
      formats: state.formats,
      arrays: state.arrays,
      objects: state.objects,
      opaque: state.opaque,
      nots: state.nots,
      siblings: state.siblings,
      asides: state.asides,
      byNullable: type === "null" && state.byNullable,
      notes: {},
    };
    if (type === "number" && isEmptyNumbers(branch.numbers)) return [];
    if (type === "string" && branch.minLength > branch.maxLength) return [];
    const candidates = finite(branch, state);
    if (candidates === undefined) return [branch];
    const values = candidates.filter((value) => mayBe(value, branch, items, budget));
    return values.length === 0 ? [] : [{ ...branch, values, notes: {} }];
  });
}

const typeNodes = Object.fromEntries(
  jsonTypes.map((type) => [type, Node.of({ types: new Set<TypeName>([type]) })]),
) as { readonly [type in JsonType]: Node };

function finite({ type, maxLength, numbers }: Branch, { values }: State): readonly unknown[] | undefined {
  if (values !== undefined) return values;
  if (type === "null") return [null];
  if (type === "boolean") return [false, true];
  if (type === "number" && isInteger(numbers)) return countedOut(numbers);
  return type === "string" && maxLength === 0 ? [""] : undefined;
}

/** A short run of integers is as good as an enumeration. */
function countedOut(numbers: NumberSet): readonly number[] | undefined {
  const [low, high] = integerBounds(numbers);
  return high - low < 32 ? Array.from({ length: high - low + 1 }, (_, index) => low + index) : undefined;
}

function mayBe(value: unknown, { type }: Branch, items: readonly Item[], budget: Budget): boolean {
  if (typeOfJson(value) !== type) return false;
  return items.every(({ node, role }) => {
    if (!demands(role)) return true;
    const verdict = evaluate(node, value, budget);
    return role === "not" ? verdict !== "yes" : verdict !== "no";
  });
}
