/** JSON values, looked at without trusting what they are: schemas reach us from databases and from other people's libraries. */

export type JsonType = "null" | "boolean" | "number" | "string" | "array" | "object";

export const jsonTypes: readonly JsonType[] = ["null", "boolean", "number", "string", "array", "object"];

export type JsonObject = { readonly [key: string]: unknown };

/** Undefined for what JSON does not know: functions, NaN, symbols … */
export function typeOfJson(value: unknown): JsonType | undefined {
  switch (typeof value) {
    case "string":
      return "string";
    case "boolean":
      return "boolean";
    case "number":
      return Number.isFinite(value) ? "number" : undefined;
    case "object":
      return value === null ? "null" : Array.isArray(value) ? "array" : "object";
    default:
      return undefined;
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

/** Deeper, or larger, than this two values count as different: one that refers to itself must not be followed for ever. */
const maxDepth = 200;
const maxSteps = 200_000;

/** Equality as JSON Schema means it: the order of keys does not matter. */
export function sameJson(one: unknown, other: unknown, depth = 0, steps = { left: maxSteps }): boolean {
  if (Object.is(one, other) || one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  if (depth > maxDepth || --steps.left < 0) return false;
  if (Array.isArray(one))
    return (
      Array.isArray(other) &&
      one.length === other.length &&
      one.every((item, index) => sameJson(item, other[index], depth + 1, steps))
    );
  if (Array.isArray(other)) return false;
  const keys = Object.keys(one);
  return (
    keys.length === Object.keys(other).length &&
    keys.every(
      (key) =>
        Object.hasOwn(other, key) && sameJson((one as JsonObject)[key], (other as JsonObject)[key], depth + 1, steps),
    )
  );
}

const fewValues = 20;
const outlines = new WeakMap<readonly unknown[], ReadonlyMap<string, readonly unknown[]>>();

/** Of many objects only those are compared that have the same keys and, at the top, the same scalars. */
function byOutline(values: readonly unknown[]): ReadonlyMap<string, readonly unknown[]> {
  const known = outlines.get(values);
  if (known !== undefined) return known;
  const made = new Map<string, unknown[]>();
  for (const value of values) {
    if (typeof value !== "object" || value === null) continue;
    const outline = outlineOf(value);
    const alike = made.get(outline);
    if (alike === undefined) made.set(outline, [value]);
    else alike.push(value);
  }
  outlines.set(values, made);
  return made;
}

function outlineOf(value: object): string {
  const parts = Object.entries(value).map(
    ([key, item]) => `${key}:${typeof item === "object" ? "" : String(item === 0 ? 0 : item)}`,
  );
  return `${Array.isArray(value)}${parts.sort().join()}`;
}

const scalars = new WeakMap<readonly unknown[], ReadonlySet<unknown>>();

/** Whether a list of values holds one; enumerations may be long. */
export function isAmong(values: readonly unknown[], value: unknown): boolean {
  if (typeof value === "object" && value !== null) {
    const likely = values.length < fewValues ? values : (byOutline(values).get(outlineOf(value)) ?? []);
    return likely.some((one) => sameJson(one, value));
  }
  let known = scalars.get(values);
  if (known === undefined) {
    known = new Set(values);
    scalars.set(values, known);
  }
  return known.has(value);
}

/** The length that JSON Schema counts: code points, not UTF-16 units. */
export function lengthOf(text: string): number {
  let length = text.length;
  for (let index = 0; index < text.length - 1; index++) {
    const unit = text.charCodeAt(index);
    const next = text.charCodeAt(index + 1);
    if (unit >= 0xd800 && unit <= 0xdbff && next >= 0xdc00 && next <= 0xdfff) {
      length--;
      index++;
    }
  }
  return length;
}
