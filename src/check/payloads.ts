import { instancesOf } from "../contract/compatibility/instances.ts";
import type { JsonSchema } from "../contract/json-schema.ts";

/**
 * Payloads to try upgrades and downgrades on, made from a JSON Schema: small and large, empty and full, every member of a
 * union and every value of an enum in turn. They are candidates: whoever uses them asks the revision's own validator first.
 * The same schema always gives the same ones, so that a check says the same twice.
 */
export function payloadsOf(schema: JsonSchema, count = 12): readonly unknown[] {
  const made = new Map<string, unknown>();
  const simple = new Maker(schema);
  for (let turn = 0; turn < count; turn++) {
    const value = simple.make(turn);
    if (value === notSimple) return instancesOf(schema).slice(0, count);
    made.set(JSON.stringify(value), value);
  }
  return [...made.values()];
}

/** Stands for what only the comparison's sampler can make. */
const notSimple = Symbol("not simple");

type Keywords = Readonly<Record<string, unknown>>;

/** What is read here; a schema with any other keyword is left to the sampler. */
const known = new Set(
  (
    "type properties required additionalProperties prefixItems items minItems maxItems enum const anyOf oneOf format pattern minLength maxLength " +
    "minimum maximum exclusiveMinimum exclusiveMaximum multipleOf title description default examples deprecated readOnly writeOnly propertyNames contentEncoding"
  ).split(" "),
);

const texts = ["a", "", "Ünïcödé – 漢字 🎉", "x".repeat(300), "0", "2024-02-01", "null"];
const numbers = [1, 0, -1, 0.5, 9_007_199_254_740_991, -273.15, 1_000_000];
const anything = [null, "a", 1, true, [], {}];

/** Texts of patterns and formats, which are slow to find: a thousand tasks share a few of them. */
const found = new Map<string, readonly unknown[]>();

class Maker {
  readonly #root: JsonSchema;

  constructor(root: JsonSchema) {
    this.#root = root;
  }

  make(turn: number): unknown {
    return this.#value(this.#root, turn, 0);
  }

  #value(schema: unknown, turn: number, depth: number): unknown {
    if (schema === true) return pick(anything, turn);
    if (typeof schema !== "object" || schema === null || depth > 12) return notSimple;
    const keywords = schema as Keywords;
    if (!Object.keys(keywords).every((keyword) => known.has(keyword))) return notSimple;
    if ("const" in keywords) return keywords.const;
    if (Array.isArray(keywords.enum)) return pick(keywords.enum, turn);
    const members = keywords.anyOf ?? keywords.oneOf;
    if (Array.isArray(members)) {
      if (keywords.properties !== undefined || keywords.items !== undefined) return notSimple;
      return this.#value(pick(members, turn), Math.floor(turn / members.length), depth + 1);
    }
    return this.#typed(keywords, turn, depth);
  }

  #typed(keywords: Keywords, turn: number, depth: number): unknown {
    const type = Array.isArray(keywords.type) ? pick(keywords.type, turn) : keywords.type;
    switch (type) {
      case undefined:
        return Object.keys(keywords).some((keyword) => keyword === "properties" || keyword === "items")
          ? notSimple
          : pick(anything, turn);
      case "string":
        return textOf(keywords, turn);
      case "number":
      case "integer":
        return numberOf(keywords, type, turn);
      case "boolean":
        return turn % 2 === 0;
      case "null":
        return null;
      case "array":
        return this.#array(keywords, turn, depth);
      case "object":
        return this.#object(keywords, turn, depth);
      default:
        return notSimple;
    }
  }

  #array(
    { prefixItems = [], items = true, minItems = 0, maxItems = 3 }: Keywords,
    turn: number,
    depth: number,
  ): unknown {
    const first = prefixItems as readonly unknown[];
    const most = items === false ? first.length : Math.max(Number(maxItems), first.length);
    const length = Math.min(Math.max(first.length > 0 ? first.length : turn % 3, Number(minItems)), most);
    if (length > 50) return notSimple;
    const made = Array.from({ length }, (_, index) => this.#value(first[index] ?? items, turn + index, depth + 1));
    return made.includes(notSimple) ? notSimple : made;
  }

  /** The required properties alone, all of them, or every other optional one. */
  #object(keywords: Keywords, turn: number, depth: number): unknown {
    const { properties = {}, required = [], additionalProperties, propertyNames } = keywords;
    const made: Record<string, unknown> = {};
    for (const [index, [key, schema]] of Object.entries(properties as Record<string, unknown>).entries()) {
      const optional = !(required as readonly string[]).includes(key);
      if (optional && (turn % 3 === 0 || (turn % 3 === 2 && (index + turn) % 2 === 0))) continue;
      // Each property at its own turn, so that not all of them are empty together.
      const value = this.#value(schema, turn + (turn < 2 ? 0 : index * 3), depth + 1);
      if (value === notSimple) return notSimple;
      made[key] = value;
    }
    if (!(required as readonly string[]).every((key) => Object.hasOwn(made, key))) return notSimple;
    const record = typeof additionalProperties === "object" && Object.keys(properties as object).length === 0;
    if (record && turn % 3 !== 0) {
      const key =
        propertyNames === undefined ? "key" : this.#value({ type: "string", ...propertyNames }, turn, depth + 1);
      const value = this.#value(additionalProperties, turn, depth + 1);
      if (value === notSimple || typeof key !== "string") return notSimple;
      made[key] = value;
    }
    return made;
  }
}

function textOf(keywords: Keywords, turn: number): unknown {
  const { format, pattern, minLength = 0, maxLength = Number.POSITIVE_INFINITY } = keywords;
  if (format !== undefined || pattern !== undefined) {
    const { title: _, description: __, default: ___, examples: ____, ...demands } = keywords;
    const key = JSON.stringify(demands);
    const known = found.get(key) ?? instancesOf(demands);
    found.set(key, known);
    return known.length === 0 ? notSimple : pick(known, turn);
  }
  const text = pick(texts, turn) as string;
  if (text.length >= Number(minLength) && text.length <= Number(maxLength)) return text;
  const length = Math.min(Math.max(Number(minLength), 1), Number(maxLength));
  return length > 100_000 ? notSimple : "a".repeat(length);
}

function numberOf(keywords: Keywords, type: string, turn: number): unknown {
  const fitting = fittingNumbers.get(keywords) ?? numbersOf(keywords, type);
  fittingNumbers.set(keywords, fitting);
  return fitting.length === 0 ? notSimple : pick(fitting, turn);
}

/** Each turn asks the same of the same schema. */
const fittingNumbers = new WeakMap<Keywords, readonly number[]>();

function numbersOf(keywords: Keywords, type: string): readonly number[] {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = keywords as Record<string, unknown>;
  const [low, high] = [minimum ?? exclusiveMinimum, maximum ?? exclusiveMaximum];
  const step = typeof multipleOf === "number" ? multipleOf : type === "integer" ? 1 : undefined;
  const fits = (value: number) =>
    (typeof minimum !== "number" || value >= minimum) &&
    (typeof maximum !== "number" || value <= maximum) &&
    (typeof exclusiveMinimum !== "number" || value > exclusiveMinimum) &&
    (typeof exclusiveMaximum !== "number" || value < exclusiveMaximum) &&
    (step === undefined || Number.isInteger(value / step));
  const near = (typeof low === "number" ? [low, low + (step ?? 0.5), low + 1] : []).concat(
    typeof high === "number" ? [high, high - (step ?? 0.5)] : [],
    step === undefined ? [] : [step, -step, 100 * step],
  );
  return [...numbers, ...near].filter(fits);
}

function pick<T>(list: readonly T[], turn: number): T | typeof notSimple {
  return list[turn % list.length] ?? (list.length > 0 ? (list[turn % list.length] as T) : notSimple);
}
