import { type Budget, BudgetSpent } from "./budget.ts";
import { evaluate, fitsType } from "./evaluate.ts";
import { matches } from "./match.ts";
import { demandedKeys, type Node, type ObjectPart, type Parts } from "./node.ts";
import type { Verdict } from "./truth.ts";

/**
 * What schemas declare in place of one payload: taken together from references, intersections and conditions; of a union,
 * those members speak that fit, and what one of them leaves open is open.
 *
 * The wire form leaves out the rest, so that what is stored is what `pruned` gives back as it is. A comparison confirms its
 * witnesses by the same function, and what the proof takes for possible (declared.ts) errs on the side of more.
 */

/** What schemas say of one object or array. */
interface Declaration {
  /** What is declared in it, by property name or index. */
  readonly parts: ReadonlyMap<string | number, Declaration>;
  readonly rest: Rest;
}

/** What is not declared of an object: left out, not spoken of, or welcome whatever other schemas say. */
export type Rest = "closed" | "silent" | "open";

/** Both apply. */
export function restTogether(one: Rest, other: Rest): Rest {
  if (one === "open" || other === "open") return "open";
  return one === "closed" || other === "closed" ? "closed" : "silent";
}

/** Either may apply. */
export function restOfEither(one: Rest, other: Rest): Rest {
  if (one === "open" || other === "open") return "open";
  return one === "silent" || other === "silent" ? "silent" : "closed";
}

const silence: Declaration = { parts: new Map(), rest: "silent" };

/** The value itself where all of it is declared. */
function less(value: unknown, { parts, rest }: Declaration): unknown {
  if (typeof value !== "object" || value === null || (parts.size === 0 && rest !== "closed")) return value;
  if (Array.isArray(value)) {
    const items = value.map((item: unknown, index) => less(item, parts.get(index) ?? silence));
    return items.some((item, index) => item !== value[index]) ? items : value;
  }
  const kept: Record<string, unknown> = {};
  let changed = false;
  for (const [key, item] of Object.entries(value)) {
    const part = parts.get(key);
    if (part !== undefined) kept[key] = less(item, part);
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
  return { parts, rest: restTogether(one.rest, other.rest) };
}

/** Either may apply: what one of them would leave stays. */
function eitherOf(one: Declaration, other: Declaration): Declaration {
  const parts = new Map<string | number, Declaration>();
  for (const key of new Set([...one.parts.keys(), ...other.parts.keys()])) {
    const [a, b] = [one.parts.get(key), other.parts.get(key)];
    if (a !== undefined && b !== undefined) parts.set(key, eitherOf(a, b));
    else parts.set(key, ((a ? other : one).rest === "closed" ? (a ?? b) : undefined) ?? silence);
  }
  return { parts, rest: restOfEither(one.rest, other.rest) };
}

const references = new Set(["$ref", "$dynamicRef", "$recursiveRef"]);

/** A reference to nowhere: whatever it stands for may declare anything. */
export function leadsNowhere({ opaque }: Parts): boolean {
  return opaque?.some(({ keyword }) => references.has(keyword)) === true;
}

/** Steps that choosing among the members of unions may take for one payload; beyond them all members speak. */
const leastSteps = 200_000;
const stepsForEachPart = 300;

export function stepsFor(value: unknown): number {
  let parts = 0;
  const waiting = [value];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    parts++;
    if (typeof at === "object" && at !== null)
      for (const item of Object.values(at)) if (item !== null) waiting.push(item);
  }
  return Math.max(leastSteps, parts * stepsForEachPart);
}

/** A payload without what a schema does not declare; the very same where that is nothing. */
export function pruned(schema: Node, payload: unknown, reader = new Reader(stepsFor(payload))): unknown {
  return less(payload, reader.read(schema, payload));
}

/** Reads one payload. Remembers what it has found of each value, because recursive unions come by the same value on many ways. */
export class Reader {
  readonly #budget: Budget;
  readonly #known = new Map<object, Map<Node, Declaration>>();

  constructor(steps: number) {
    this.#budget = { left: steps };
  }

  /** Whether it could not choose among the members of a union for want of steps. */
  get isSpent(): boolean {
    return this.#budget.left < 0;
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

  #inPlace(own: Parts, value: object): Declaration {
    const { allOf = [], anyOf, oneOf, condition, object, array } = own;
    let all = silence;
    const add = (declaration: Declaration) => {
      all = together(all, declaration);
    };
    for (const member of allOf) add(this.read(member, value));
    for (const { perhaps } of own.opaque ?? []) if (perhaps !== undefined) add(this.read(perhaps, value));
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
    if (leadsNowhere(own)) add({ parts: new Map(), rest: "open" });
    return all;
  }

  #object(part: ObjectPart, value: object): Declaration {
    const parts = new Map<string, Declaration>();
    const demanded = demandedKeys(part);
    for (const [key, item] of Object.entries(value)) {
      const nodes = schemasAt(part, key);
      if (nodes.length > 0) parts.set(key, nodes.map((node) => this.read(node, item)).reduce(together));
      else if (demanded.includes(key)) parts.set(key, silence); // a name that must be there is declared, though nothing describes it
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

function schemasAt({ properties, patterns, additional }: ObjectPart, key: string): readonly Node[] {
  const property = properties.get(key);
  const matching = patterns.filter(({ source }) => matches(source, key) !== "no").map(({ node }) => node);
  const named = property === undefined ? matching : [property, ...matching];
  return named.length > 0 || additional === undefined ? named : [additional];
}
