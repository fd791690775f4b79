import { type Budget, BudgetSpent } from "./compatibility/budget.ts";
import { evaluate, fitsType } from "./compatibility/evaluate.ts";
import { matches } from "./compatibility/match.ts";
import { Node, type ObjectPart, type Parts } from "./compatibility/node.ts";
import type { Verdict } from "./compatibility/truth.ts";
import type { JsonSchema } from "./json-schema.ts";

/**
 * The wire form of a payload: as its producer wrote it, less what the contract does not declare.
 *
 * Objects are closed on the writer's side. A property that no revision declares would be a promise that nobody made:
 * the next release might declare one of the same name with another type, and meet the old ones in the queue.
 * Free-form records (additionalProperties, patternProperties) stay as they are.
 *
 * The comparison of contracts relies on the same rule (compatibility/closed.ts): what a schema declares in place is taken together, from its
 * references, intersections and conditions; of a union, those members speak that fit, and what one of them leaves open is open.
 */
export interface Wire {
  /** A payload without what the schema does not declare; the very same where that is nothing. */
  prune(value: unknown): unknown;
  /**
   * Whether a payload that was pruned can do without what was left out: a schema may want what it does not describe (a count of
   * properties, a negation, a oneOf of which what is left meets two members). Nothing else can be stored: were such a payload
   * stored whole, it would hold what no comparison of contracts reckons with. A library's validator may know more, and is asked
   * besides.
   */
  standsAlone(value: unknown, kept: unknown): boolean;
}

/** For one schema and many payloads: one that plainly declares all it has is passed on as it is. */
export function wireOf(schema: JsonSchema): Wire {
  const declared = declaring(schema);
  const root = Node.root(schema);
  const prune = (value: unknown) => pruned(value, new Reader(value).read(root, value));
  return {
    prune: (value) => (declared(value) ? value : prune(value)),
    standsAlone(value, kept) {
      // What declares may have been a member or a condition that holds for the whole only.
      if (prune(kept) !== kept) return false;
      const reader = new Reader(value);
      return reader.fits(root, kept) !== "no" || reader.fits(root, value) === "no";
    },
  };
}

/** Where a payload holds something that its pruned form does not, such as "items[3].note". */
export function leftOut(value: unknown, kept: unknown, path = ""): readonly string[] {
  if (value === kept || typeof value !== "object" || value === null) return [];
  const rest = kept as { readonly [key: string]: unknown };
  return Object.entries(value).flatMap(([key, item]) => {
    const at = Array.isArray(value) ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`;
    return Object.hasOwn(rest, key) ? leftOut(item, rest[key], at) : [at];
  });
}

/**
 * A quick test whether a schema declares all that a value has, by its properties and items alone. A yes is certain, because whatever
 * else the schema says can only declare more; a no means that it takes a closer look.
 */
function declaring(schema: unknown): (value: unknown) => boolean {
  const { properties, items, prefixItems } = (typeof schema === "object" && schema !== null ? schema : {}) as {
    readonly properties?: unknown;
    readonly items?: unknown;
    readonly prefixItems?: unknown;
  };
  const byKey = new Map(
    typeof properties === "object" && properties !== null
      ? Object.entries(properties).map(([key, property]) => [key, declaring(property)])
      : [],
  );
  const ofItem = items === undefined || prefixItems !== undefined ? undefined : declaring(items);
  return (value) => {
    if (typeof value !== "object" || value === null) return true;
    if (Array.isArray(value)) return ofItem !== undefined && value.every(ofItem);
    for (const key of Object.keys(value)) {
      const declared = byKey.get(key);
      if (!declared?.((value as Record<string, unknown>)[key])) return false;
    }
    return true;
  };
}

/** What schemas say of one object or array. */
interface Declaration {
  /** What is declared in it, by property name or index. */
  readonly parts: ReadonlyMap<string | number, Declaration>;
  /** The rest of it: not declared, not spoken of, or welcome whatever other schemas say. */
  readonly rest: "closed" | "silent" | "open";
}

const silence: Declaration = { parts: new Map(), rest: "silent" };

/** The value itself where all of it is declared. */
function pruned(value: unknown, { parts, rest }: Declaration): unknown {
  if (typeof value !== "object" || value === null || (parts.size === 0 && rest !== "closed")) return value;
  if (Array.isArray(value)) {
    const items = value.map((item: unknown, index) => pruned(item, parts.get(index) ?? silence));
    return items.some((item, index) => item !== value[index]) ? items : value;
  }
  const kept: Record<string, unknown> = {};
  let changed = false;
  for (const [key, item] of Object.entries(value)) {
    const part = parts.get(key);
    if (part !== undefined) kept[key] = pruned(item, part);
    else if (rest !== "closed") kept[key] = item;
    changed ||= kept[key] !== item || !Object.hasOwn(kept, key);
  }
  return changed ? kept : value;
}

/** Both apply: what either declares is declared. */
function together(one: Declaration, other: Declaration): Declaration {
  if (one === silence) return other;
  if (other === silence) return one;
  const parts = new Map(one.parts);
  for (const [key, part] of other.parts) {
    const known = parts.get(key);
    parts.set(key, known === undefined ? part : together(known, part));
  }
  const rests = [one.rest, other.rest];
  return { parts, rest: rests.includes("open") ? "open" : rests.includes("closed") ? "closed" : "silent" };
}

/** Either may apply: what one of them would leave stays. */
function eitherOf(one: Declaration, other: Declaration): Declaration {
  const parts = new Map<string | number, Declaration>();
  for (const key of new Set([...one.parts.keys(), ...other.parts.keys()])) {
    const [a, b] = [one.parts.get(key), other.parts.get(key)];
    if (a !== undefined && b !== undefined) parts.set(key, eitherOf(a, b));
    else parts.set(key, ((a ? other : one).rest === "closed" ? (a ?? b) : undefined) ?? silence);
  }
  const rests = [one.rest, other.rest];
  return { parts, rest: rests.includes("open") ? "open" : rests.includes("silent") ? "silent" : "closed" };
}

const references = new Set(["$ref", "$dynamicRef", "$recursiveRef"]);

/** Steps that choosing among the members of unions may take for one payload; beyond them all members speak. */
const leastSteps = 200_000;
const stepsForEachPart = 300;

function stepsFor(value: unknown): number {
  let parts = 0;
  const waiting = [value];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    parts++;
    if (typeof at === "object" && at !== null)
      for (const item of Object.values(at)) if (item !== null) waiting.push(item);
  }
  return Math.max(leastSteps, parts * stepsForEachPart);
}

/** Reads one payload. Remembers what it has found of each value, because recursive unions come by the same value on many ways. */
class Reader {
  readonly #budget: Budget;
  readonly #known = new Map<object, Map<Node, Declaration>>();

  constructor(payload: unknown) {
    this.#budget = { left: stepsFor(payload) };
  }

  read(node: Node, value: unknown): Declaration {
    if (typeof value !== "object" || value === null) return silence;
    const known = this.#known.get(value) ?? new Map<Node, Declaration>();
    this.#known.set(value, known);
    const found = known.get(node);
    if (found !== undefined) return found;
    known.set(node, silence); // a reference that leads back here adds nothing
    const declaration = this.#inPlace(node.parts, value);
    known.set(node, declaration);
    return declaration;
  }

  #inPlace({ allOf = [], anyOf, oneOf, condition, object, array, opaque }: Parts, value: object): Declaration {
    let all = silence;
    const add = (declaration: Declaration) => {
      all = together(all, declaration);
    };
    for (const member of allOf) add(this.read(member, value));
    for (const members of [anyOf, oneOf])
      if (members)
        add(
          this.#fitting(members, value, members === oneOf)
            .map((member) => this.read(member, value))
            .reduce(eitherOf),
        );
    if (condition) {
      const { asked, holding, failing } = condition;
      const holds = this.fits(asked, value);
      if (holds !== "no") add(namesOnly(this.read(asked, value)));
      if (holds !== "no" && holding) add(this.read(holding, value));
      if (holds !== "yes" && failing) add(this.read(failing, value));
    }
    if (Array.isArray(value)) {
      const items = value.map((item, index) => [index, array?.prefix[index] ?? array?.rest, item] as const);
      const described = items.flatMap(([index, node, item]) => (node ? [[index, this.read(node, item)] as const] : []));
      add({ parts: new Map(described), rest: "silent" });
    } else if (object) {
      for (const [key, dependent] of object.dependentSchemas)
        if (Object.hasOwn(value, key)) add(this.read(dependent, value));
      add(this.#object(object, value));
    }
    if (opaque?.some(({ keyword }) => references.has(keyword))) add({ parts: new Map(), rest: "open" }); // to nowhere
    return all;
  }

  #object(part: ObjectPart, value: object): Declaration {
    const parts = new Map<string, Declaration>();
    for (const [key, item] of Object.entries(value)) {
      const nodes = schemasAt(part, key);
      if (nodes.length > 0) parts.set(key, nodes.map((node) => this.read(node, item)).reduce(together));
      else if (isDemanded(part, key, value)) parts.set(key, silence);
    }
    if (part.unevaluated) return { parts, rest: "open" };
    return { parts, rest: part.declares && part.additional === undefined ? "closed" : "silent" };
  }

  /** The members of a union that accept a value; all of them where none does, because the validator has accepted it after all. */
  #fitting(members: readonly Node[], value: object, oneAlone: boolean): readonly Node[] {
    const ofItsType = members.filter(({ parts: { types } }) => !types || fitsType(types, false, value) !== "no");
    if (ofItsType.length === 1) return ofItsType;
    const verdicts = ofItsType.map((member) => [member, this.fits(member, value)] as const);
    const fitting = verdicts.filter(([, verdict]) => verdict !== "no").map(([member]) => member);
    // Where one is certain, and only one may hold, the doubtful ones do not.
    const certain = oneAlone ? verdicts.filter(([, verdict]) => verdict === "yes").map(([member]) => member) : [];
    if (certain.length > 0) return certain;
    return fitting.length > 0 ? fitting : members;
  }

  fits(node: Node, value: unknown): Verdict {
    try {
      return evaluate(node, value, this.#budget);
    } catch (error) {
      if (error instanceof BudgetSpent) return "unknown";
      throw error;
    }
  }
}

/** A condition declares properties, and describes nothing below. */
function namesOnly({ parts }: Declaration): Declaration {
  return { parts: new Map([...parts.keys()].map((key) => [key, silence])), rest: "silent" };
}

/** A name that must be there is declared, though nothing describes it. */
function isDemanded({ required, dependentRequired }: ObjectPart, key: string, value: object): boolean {
  if (required.includes(key)) return true;
  for (const [other, needed] of dependentRequired) if (needed.includes(key) && Object.hasOwn(value, other)) return true;
  return false;
}

function schemasAt({ properties, patterns, additional }: ObjectPart, key: string): readonly Node[] {
  const property = properties.get(key);
  const matching = patterns.filter(({ source }) => matches(source, key) !== "no").map(({ node }) => node);
  const named = property === undefined ? matching : [property, ...matching];
  return named.length > 0 || additional === undefined ? named : [additional];
}
