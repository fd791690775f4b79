import { isObject, type JsonObject, sameJson } from "./json.ts";
import { addresses, dialectOf, isAnnotation, mapKeywords, valueKeywords } from "./keywords.ts";

/** Whether two schemas are the same but for annotations: the answer for nearly every start of a process. */
export function sameSchema(one: unknown, other: unknown): boolean {
  const dialects = [one, other].map((schema) => dialectOf(isObject(schema) ? schema.$schema : undefined));
  return dialects[0] === dialects[1] && same(one, other, 0, { left: maxSteps });
}

/** Deeper, or larger, than this two schemas are not the same by their text. */
const maxDepth = 200;
const maxSteps = 100_000;

/** An annotation that is not a plain value counts all the same: a reference may lead into it. */
function matters(schema: JsonObject, keyword: string): boolean {
  return addresses.has(keyword) || !isAnnotation(keyword) || typeof schema[keyword] === "object";
}

interface Steps {
  left: number;
}

function same(one: unknown, other: unknown, depth: number, steps: Steps): boolean {
  if (one === other) return true;
  if (depth > maxDepth || --steps.left < 0) return false;
  if (Array.isArray(one))
    return (
      Array.isArray(other) &&
      one.length === other.length &&
      one.every((item, index) => same(item, other[index], depth + 1, steps))
    );
  if (!isObject(one) || !isObject(other)) return false;
  const keywords = Object.keys(one).filter((keyword) => matters(one, keyword));
  return (
    keywords.length === Object.keys(other).filter((keyword) => matters(other, keyword)).length &&
    keywords.every(
      (keyword) => Object.hasOwn(other, keyword) && sameValue(keyword, one[keyword], other[keyword], depth, steps),
    )
  );
}

function sameValue(keyword: string, one: unknown, other: unknown, depth: number, steps: Steps): boolean {
  if (valueKeywords.has(keyword)) return sameJson(one, other);
  if (mapKeywords.has(keyword) && isObject(one) && isObject(other)) return sameMap(one, other, depth, steps);
  return same(one, other, depth + 1, steps);
}

function sameMap(one: JsonObject, other: JsonObject, depth: number, steps: Steps): boolean {
  const keys = Object.keys(one);
  return (
    keys.length === Object.keys(other).length &&
    keys.every((key) => Object.hasOwn(other, key) && same(one[key], other[key], depth + 1, steps))
  );
}
