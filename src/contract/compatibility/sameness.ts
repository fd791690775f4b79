import { isObject, type JsonObject, sameJson } from "./json.ts";
import { isAnnotation, mapKeywords, schemaKeywords } from "./keywords.ts";
import { Node } from "./node.ts";

/**
 * Whether two schemas are written the same but for annotations, and whatever they refer to is, too: of two releases most is.
 * A yes is certain; a no says nothing.
 *
 * 1. A pair that comes up again further down in the payload, while it is compared, is the same as far as it goes: a
 *    difference would be found elsewhere. (In place nothing is: a schema that refers to itself there says nothing at all.)
 * 2. What was found under that assumption is kept only when the outermost pair is the same.
 */
export class Sameness {
  #left = maxSteps;
  readonly #known = new Map<string, boolean>();
  readonly #assumed = new Set<string>();
  /** Being compared, and how far down in the payload. */
  readonly #open = new Map<string, number>();
  #place = 0;

  holds(one: Node, other: Node): boolean {
    if (one === other) return true;
    if (!isObject(one.schema) || !isObject(other.schema)) return false;
    const key = `${one.id}=${other.id}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.#assumed.has(key)) return true;
    if (one.resource?.document.dialect !== other.resource?.document.dialect) return false;
    const begun = this.#open.get(key);
    if (begun !== undefined) return begun < this.#place;
    if (this.#open.size >= maxDepth) return false;
    this.#open.set(key, this.#place);
    const holds = this.#same(one.schema, other.schema, one, other, 0);
    this.#open.delete(key);
    if (holds) this.#assumed.add(key);
    else this.#known.set(key, false);
    if (this.#open.size > 0) return holds;
    if (holds) for (const assumed of this.#assumed) this.#known.set(assumed, true);
    this.#assumed.clear();
    return holds;
  }

  /** Schemas, or lists of them. */
  #same(one: unknown, other: unknown, from: Node, to: Node, depth: number): boolean {
    if (depth > maxDepth || --this.#left < 0) return false;
    if (Array.isArray(one))
      return (
        Array.isArray(other) &&
        one.length === other.length &&
        one.every((item, index) => this.#same(item, other[index], from, to, depth + 1))
      );
    if (!isObject(one) || !isObject(other)) return one === other;
    // A schema with an address of its own: what stands below refers by it.
    if (depth > 0 && [one.$id, one.id, other.$id, other.id].some((id) => typeof id === "string")) return false;
    const keywords = Object.keys(one).filter(matters);
    return (
      keywords.length === Object.keys(other).filter(matters).length &&
      keywords.every(
        (keyword) => Object.hasOwn(other, keyword) && this.#sameValue(keyword, one, other, from, to, depth),
      )
    );
  }

  #sameValue(keyword: string, one: JsonObject, other: JsonObject, from: Node, to: Node, depth: number): boolean {
    const [value, its] = [one[keyword], other[keyword]];
    if (keyword === "$ref") return this.#sameTargets(value, its, from, to);
    if (keyword.startsWith("$")) return false; // a reference by what evaluates it
    const down = inPlace.has(keyword) ? 0 : 1;
    this.#place += down;
    const holds = this.#sameBelow(keyword, value, its, from, to, depth);
    this.#place -= down;
    return holds;
  }

  #sameBelow(keyword: string, value: unknown, its: unknown, from: Node, to: Node, depth: number): boolean {
    if (schemaKeywords.has(keyword)) return this.#same(value, its, from, to, depth + 1);
    if (!mapKeywords.has(keyword) || !isObject(value) || !isObject(its)) return sameJson(value, its);
    const keys = Object.keys(value);
    return (
      keys.length === Object.keys(its).length &&
      keys.every((key) => Object.hasOwn(its, key) && this.#same(value[key], its[key], from, to, depth + 1))
    );
  }

  #sameTargets(one: unknown, other: unknown, from: Node, to: Node): boolean {
    const [target, its] = [targetOf(one, from), targetOf(other, to)];
    return target !== undefined && its !== undefined && this.holds(target, its);
  }
}

/** Deeper, or larger, than this two schemas are not the same by their text. */
const maxDepth = 200;
const maxSteps = 200_000;

const inPlace = new Set(["allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "dependencies"]);

/** What a reference can lead to is compared when one does. */
const places = new Set(["$defs", "definitions", "$anchor", "$dynamicAnchor", "$id", "id"]);

function matters(keyword: string): boolean {
  if (places.has(keyword)) return false;
  return keyword === "default" || !isAnnotation(keyword);
}

function targetOf(reference: unknown, from: Node): Node | undefined {
  const { resource } = from;
  const target = typeof reference === "string" ? resource?.document.resolve(reference, resource) : undefined;
  return target && Node.in(target.schema, target.resource);
}
