import { type Branch, demands } from "./branch.ts";
import type { Budget } from "./budget.ts";
import { evaluate } from "./evaluate.ts";
import { isHarmless, isOfTexts } from "./formats.ts";
import { isAmong, sameJson } from "./json.ts";
import { type Node, type NumberPart, type Opaque, Node as SchemaNode, type StringPart, type TypeName } from "./node.ts";
import { coversNumbers, integerBounds, isInteger } from "./numbers.ts";
import { coversLength, coversNotPattern, coversPattern, coversTexts } from "./texts.ts";

/** Whether a branch satisfies one demand that does not look below the value. False where it is not certain. */

export function coversTypes(
  { type, numbers, byNullable }: Branch,
  types: ReadonlySet<TypeName>,
  nullable: boolean,
): boolean {
  if (types.has(type)) return true;
  if (type === "number") return types.has("integer") && isInteger(numbers);
  return type === "null" && byNullable && nullable;
}

/** A short run of integers is counted out. */
const maxCountedOut = 200;

export function coversValues(branch: Branch, values: readonly unknown[], budget: Budget): boolean {
  const reader = SchemaNode.of({ values });
  if (branch.type === "string")
    return coversTexts(
      branch,
      values.filter((value) => typeof value === "string"),
    );
  if (branch.type !== "number" || !isInteger(branch.numbers)) return false;
  const bounds = integerBounds(branch.numbers);
  if (!(bounds[1] - bounds[0] <= maxCountedOut)) return false;
  for (let value = bounds[0]; value <= bounds[1]; value++)
    if (!isExcluded(branch, value, budget) && evaluate(reader, value, budget) !== "yes") return false;
  return true;
}

/** Whether something that is known of the branch refuses the value. */
function isExcluded({ items }: Branch, value: unknown, budget: Budget): boolean {
  return items.some(({ node, role }) => {
    if (!demands(role)) return false;
    return evaluate(node, value, budget) === (role === "not" ? "yes" : "no");
  });
}

export function coversExcluded(branch: Branch, excluded: readonly unknown[], budget: Budget): boolean {
  return excluded.every((value) => isExcluded(branch, value, budget));
}

export function coversNumber({ type, numbers }: Branch, part: NumberPart): boolean {
  return type !== "number" || coversNumbers(numbers, part);
}

export function coversString(branch: Branch, part: StringPart): boolean {
  if (branch.type !== "string") return true;
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern, notPattern } = part;
  return (
    coversLength(branch, minLength, maxLength) &&
    (pattern === undefined || coversPattern(branch, pattern)) &&
    (notPattern === undefined || coversNotPattern(branch, notPattern))
  );
}

export function coversFormat({ type, formats, numbers }: Branch, format: string): boolean {
  if (formats.includes(format) || isHarmless(format)) return true;
  // Whoever knows int32 and int64 checks both, and whoever does not checks neither.
  if (format === "int64" && formats.includes("int32")) return true;
  if (type === "string") return format === "int32" || format === "int64";
  if (type !== "number" || isOfTexts(format)) return type !== "number" || isOfTexts(format);
  if (!isInteger(numbers)) return false;
  const [low, high] = integerBounds(numbers);
  return (
    (format === "int64" && Number.isFinite(low) && Number.isFinite(high)) ||
    (format === "int32" && low >= -2_147_483_648 && high <= 2_147_483_647)
  );
}

export function coversOpaque(branch: Branch, { keyword, value }: Opaque): boolean {
  return branch.opaque.some((known) => known.keyword === keyword && sameJson(known.value, value));
}

/** Whether schemas shut each other out by a type or a constant, as the members of most unions do. */
export function shutsOut(branch: Branch, { parts }: Node): boolean {
  const { types, values, object } = parts;
  if (types !== undefined && parts.nullable !== true) {
    const name = branch.type;
    if (!types.has(name) && !(name === "number" && types.has("integer"))) return true;
  }
  if (values !== undefined && branch.values !== undefined)
    return !branch.values.some((value) => isAmong(values, value));
  if (branch.type !== "object" || object === undefined) return false;
  const constants = constantsOf(branch);
  for (const [key, property] of object.properties) {
    const here = constants.get(key);
    const there = here === undefined ? undefined : property.parts.values;
    if (here === undefined || there === undefined) continue;
    if (!here.some((value) => isAmong(there, value))) return true;
  }
  return false;
}

const constants = new WeakMap<Branch, ReadonlyMap<string, readonly unknown[]>>();

/** Required properties that have few values. */
function constantsOf(branch: Branch): ReadonlyMap<string, readonly unknown[]> {
  let found = constants.get(branch);
  if (found !== undefined) return found;
  const required = new Set(
    branch.objects.flatMap(({ part }) => part.required.filter((key) => !part.soft.includes(key))),
  );
  found = new Map(
    branch.objects.flatMap(({ part }) =>
      [...part.properties].flatMap(([key, node]) =>
        required.has(key) && node.parts.values !== undefined ? [[key, node.parts.values] as const] : [],
      ),
    ),
  );
  constants.set(branch, found);
  return found;
}
