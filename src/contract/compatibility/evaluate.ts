import { type Budget, spend } from "./budget.ts";
import { fitsFormat, isFormat } from "./formats.ts";
import { isAmong, isObject, type JsonObject, lengthOf, sameJson, typeOfJson } from "./json.ts";
import { matches } from "./match.ts";
import type { ArrayPart, Node, ObjectPart, Opaque, Parts, StringPart, TypeName } from "./node.ts";
import { fitsNumber, isUnsafe } from "./numbers.ts";
import { both, either, opposite, type Verdict, verdictOf } from "./truth.ts";

/**
 * Whether a value satisfies a schema: yes, no, or not known for certain (an unknown keyword or format, a reference to
 * nowhere, a matter on which validators differ). It stands in for a validator, so that a comparison needs no library.
 */

/** What a schema has looked at in one object or array: surely, or perhaps. */
interface Seen {
  readonly keys: Map<string, Verdict>;
  readonly items: Map<number, Verdict>;
}

const maxDepth = 150;
const maxHops = 40;

/**
 * @param reading "literally": by the specification alone, which has no use for formats and keywords that it does not know. "doubtfully": there may be
 *   a validator that has. Default: "doubtfully".
 */
export function evaluate(
  node: Node,
  value: unknown,
  budget: Budget,
  reading: "doubtfully" | "literally" = "doubtfully",
): Verdict {
  return new Evaluator(budget, reading === "literally").place(node, value, 0);
}

class Evaluator {
  readonly #budget: Budget;
  readonly #literally: boolean;

  constructor(budget: Budget, literally: boolean) {
    this.#budget = budget;
    this.#literally = literally;
  }

  /** A schema at a place of its own: the root, a property, an item. */
  place(node: Node, value: unknown, depth: number): Verdict {
    return this.#apply(node, value, { keys: new Map(), items: new Map() }, depth, 0);
  }

  #apply(node: Node, value: unknown, seen: Seen, depth: number, hops: number): Verdict {
    spend(this.#budget);
    if (depth > maxDepth || hops > maxHops) return "unknown";
    const { parts } = node;
    if (parts.never === true) return "no";
    let verdict = this.#plain(parts, value);
    // A schema that refuses has no say in what was seen.
    if (verdict === "no") return "no";
    verdict = both(verdict, this.#logic(parts, value, seen, depth, hops));
    if (verdict === "no") return "no";
    if (Array.isArray(value) && parts.array !== undefined)
      verdict = both(verdict, this.#array(parts.array, value, seen, depth));
    else if (isObject(value) && parts.object !== undefined)
      verdict = both(verdict, this.#object(parts.object, value, seen, depth, hops));
    return verdict;
  }

  /** Applies a subschema to the same value, and keeps what it saw as far as it accepts. */
  #inPlace(node: Node, value: unknown, seen: Seen, depth: number, hops: number): Verdict {
    const own: Seen = { keys: new Map(), items: new Map() };
    const verdict = this.#apply(node, value, own, depth, hops + 1);
    if (verdict === "no") return "no";
    for (const [key, sure] of own.keys) markKey(seen, key, both(sure, verdict));
    for (const [index, sure] of own.items) markItem(seen, index, both(sure, verdict));
    return verdict;
  }

  #plain(parts: Parts, value: unknown): Verdict {
    let verdict: Verdict = parts.opaque?.some((opaque) => this.#isDoubtful(opaque)) === true ? "unknown" : "yes";
    if (parts.types !== undefined) verdict = both(verdict, fitsType(parts.types, parts.nullable === true, value));
    if (parts.values !== undefined) verdict = both(verdict, isOneOf(parts.values, value));
    if (parts.excluded !== undefined) verdict = both(verdict, opposite(isOneOf(parts.excluded, value)));
    if (typeof value === "number" && parts.number !== undefined)
      verdict = both(verdict, fitsNumber(value, parts.number));
    if (typeof value === "string" && parts.string !== undefined)
      verdict = both(verdict, fitsString(value, parts.string));
    if (parts.format !== undefined && !(this.#literally && !isFormat(parts.format)))
      verdict = both(verdict, fitsFormat(parts.format, value));
    return verdict;
  }

  #isDoubtful({ perhaps, foreign }: Opaque): boolean {
    return perhaps === undefined && !(this.#literally && foreign === true);
  }

  #logic(parts: Parts, value: unknown, seen: Seen, depth: number, hops: number): Verdict {
    let verdict: Verdict = "yes";
    for (const member of parts.allOf ?? []) {
      verdict = both(verdict, this.#inPlace(member, value, seen, depth, hops));
      if (verdict === "no") return "no";
    }
    if (parts.anyOf !== undefined)
      verdict = both(
        verdict,
        parts.anyOf.map((member) => this.#inPlace(member, value, seen, depth, hops)).reduce(either),
      );
    if (parts.oneOf !== undefined) verdict = both(verdict, this.#oneOf(parts.oneOf, value, seen, depth, hops));
    if (parts.not !== undefined) {
      const aside: Seen = { keys: new Map(), items: new Map() };
      verdict = both(verdict, opposite(this.#apply(parts.not, value, aside, depth, hops + 1)));
    }
    for (const { perhaps } of parts.opaque ?? [])
      if (perhaps !== undefined && this.#inPlace(perhaps, value, seen, depth, hops) !== "yes")
        verdict = both(verdict, "unknown");
    if (parts.condition !== undefined)
      verdict = both(verdict, this.#condition(parts.condition, value, seen, depth, hops));
    return verdict;
  }

  #oneOf(members: readonly Node[], value: unknown, seen: Seen, depth: number, hops: number): Verdict {
    const verdicts = members.map((member) => this.#inPlace(member, value, seen, depth, hops));
    const fitting = verdicts.filter((verdict) => verdict === "yes").length;
    const perhaps = verdicts.filter((verdict) => verdict === "unknown").length;
    if (fitting === 0 && perhaps === 0) return "no";
    if (fitting > 1) return "no";
    return perhaps === 0 ? "yes" : "unknown";
  }

  #condition(
    condition: NonNullable<Parts["condition"]>,
    value: unknown,
    seen: Seen,
    depth: number,
    hops: number,
  ): Verdict {
    const holds = this.#inPlace(condition.asked, value, seen, depth, hops);
    const then =
      holds === "no" || condition.holding === undefined
        ? "yes"
        : this.#inPlace(condition.holding, value, seen, depth, hops);
    const otherwise =
      holds === "yes" || condition.failing === undefined
        ? "yes"
        : this.#inPlace(condition.failing, value, seen, depth, hops);
    if (holds === "yes") return then;
    if (holds === "no") return otherwise;
    return then === otherwise ? then : "unknown";
  }

  #array(part: ArrayPart, value: readonly unknown[], seen: Seen, depth: number): Verdict {
    let verdict = verdictOf(value.length >= (part.minItems ?? 0) && value.length <= (part.maxItems ?? Infinity));
    value.forEach((item, index) => {
      const node = part.prefix[index] ?? part.rest;
      if (node === undefined || verdict === "no") return;
      verdict = both(verdict, this.place(node, item, depth + 1));
      markItem(seen, index, "yes");
    });
    if (part.unique === true && verdict !== "no") verdict = both(verdict, areUnique(value));
    if (part.contains !== undefined && verdict !== "no") {
      const { node, min, max = Number.POSITIVE_INFINITY } = part.contains;
      const verdicts = value.map((item) => this.place(node, item, depth + 1));
      // By the specification `contains` looks at what it finds; validators differ.
      for (const index of value.keys()) markItem(seen, index, "unknown");
      const surely = verdicts.filter((fits) => fits === "yes").length;
      const atMost = verdicts.filter((fits) => fits !== "no").length;
      if (atMost < min || surely > max) return "no";
      if (surely < min || atMost > max) verdict = "unknown";
    }
    const { unevaluated } = part;
    if (unevaluated !== undefined)
      value.forEach((item, index) => {
        const looked = seen.items.get(index) ?? "no";
        if (looked === "yes" || verdict === "no") return;
        const fits = this.place(unevaluated, item, depth + 1);
        verdict = both(verdict, looked === "unknown" && fits === "no" ? "unknown" : fits);
        markItem(seen, index, "yes");
      });
    return verdict;
  }

  #object(part: ObjectPart, value: JsonObject, seen: Seen, depth: number, hops: number): Verdict {
    const keys = Object.keys(value);
    let verdict = verdictOf(
      keys.length >= (part.minProperties ?? 0) && keys.length <= (part.maxProperties ?? Infinity),
    );
    verdict = both(verdict, hasRequired(part, value));
    for (const key of keys) {
      if (verdict === "no") return "no";
      if (part.names !== undefined) verdict = both(verdict, this.place(part.names, key, depth + 1));
      verdict = both(verdict, this.#property(part, key, value[key], seen, depth));
    }
    for (const [key, needed] of part.dependentRequired)
      if (Object.hasOwn(value, key) && needed.some((other) => !Object.hasOwn(value, other))) return "no";
    for (const [key, node] of part.dependentSchemas)
      if (Object.hasOwn(value, key)) verdict = both(verdict, this.#inPlace(node, value, seen, depth, hops));
    if (part.unevaluated === undefined) return verdict;
    for (const key of keys) {
      const looked = seen.keys.get(key) ?? "no";
      if (looked === "yes" || verdict === "no") continue;
      const fits = this.place(part.unevaluated, value[key], depth + 1);
      verdict = both(verdict, looked === "unknown" && fits === "no" ? "unknown" : fits);
      markKey(seen, key, "yes");
    }
    return verdict;
  }

  #property(part: ObjectPart, key: string, value: unknown, seen: Seen, depth: number): Verdict {
    const declared = part.properties.get(key);
    let matched: Verdict = declared === undefined ? "no" : "yes";
    let verdict: Verdict = declared === undefined ? "yes" : this.place(declared, value, depth + 1);
    for (const { source, node } of part.patterns) {
      const applies = matches(source, key);
      if (applies === "no") continue;
      matched = either(matched, applies);
      const fits = this.place(node, value, depth + 1);
      verdict = both(verdict, applies === "unknown" && fits === "no" ? "unknown" : fits);
    }
    if (matched !== "yes" && part.additional !== undefined) {
      const fits = this.place(part.additional, value, depth + 1);
      verdict = both(verdict, matched === "unknown" && fits === "no" ? "unknown" : fits);
      matched = "yes";
    }
    if (matched !== "no") markKey(seen, key, matched);
    return verdict;
  }
}

function markKey(seen: Seen, key: string, sure: Verdict): void {
  seen.keys.set(key, either(seen.keys.get(key) ?? "no", sure));
}

function markItem(seen: Seen, index: number, sure: Verdict): void {
  seen.items.set(index, either(seen.items.get(index) ?? "no", sure));
}

export function fitsType(types: ReadonlySet<TypeName>, nullable: boolean, value: unknown): Verdict {
  const type = typeOfJson(value);
  if (type === undefined) return "no";
  if (types.has(type) || (types.has("integer") && type === "number" && Number.isInteger(value))) return "yes";
  return nullable && value === null ? "unknown" : "no";
}

function isOneOf(values: readonly unknown[], value: unknown): Verdict {
  if (!isAmong(values, value)) return "no";
  return holdsUnsafeNumber(value) ? "unknown" : "yes";
}

function holdsUnsafeNumber(value: unknown, seen = new Set<object>()): boolean {
  if (typeof value === "number") return isUnsafe(value);
  if (typeof value !== "object" || value === null || seen.has(value)) return false;
  seen.add(value);
  return Object.values(value).some((item) => holdsUnsafeNumber(item, seen));
}

function fitsString(value: string, part: StringPart): Verdict {
  if (part.minLength !== undefined || part.maxLength !== undefined) {
    // Code points by the specification, UTF-16 units by some libraries.
    const fits = [lengthOf(value), value.length].map(
      (length) => length >= (part.minLength ?? 0) && length <= (part.maxLength ?? Infinity),
    );
    if (fits.every((one) => !one)) return "no";
    if (fits.some((one) => !one)) return "unknown";
  }
  const matched = part.pattern === undefined ? "yes" : matches(part.pattern, value);
  return part.notPattern === undefined ? matched : both(matched, opposite(matches(part.notPattern, value)));
}

function hasRequired({ required, soft }: ObjectPart, value: JsonObject): Verdict {
  const missing = required.filter((key) => !Object.hasOwn(value, key));
  if (missing.some((key) => !soft.includes(key))) return "no";
  return missing.length > 0 ? "unknown" : "yes";
}

function areUnique(values: readonly unknown[]): Verdict {
  const scalars = new Set<unknown>();
  for (const [index, value] of values.entries()) {
    if (typeof value !== "object" || value === null) {
      if (scalars.has(value)) return holdsUnsafeNumber(value) ? "unknown" : "no";
      scalars.add(value);
    } else if (values.slice(0, index).some((other) => sameJson(value, other)))
      return holdsUnsafeNumber(value) ? "unknown" : "no";
  }
  return "yes";
}
