import { isAmong, isObject, jsonTypes, typeOfJson } from "./json.ts";
import { type ArrayPart, Node, type ObjectPart, type Opaque, type Parts, type TypeName } from "./node.ts";

/**
 * A schema as a person sees it: references followed, intersections put together, `anyOf: [X, null]` as a nullable X.
 * It serves to tell and name differences; what they mean for payloads is decided on the schemas themselves.
 */
export interface Shape {
  readonly node: Node;
  readonly types: ReadonlySet<TypeName>;
  readonly values: readonly unknown[] | undefined;
  readonly number: Parts["number"];
  readonly string: Parts["string"];
  readonly patterns: readonly string[];
  readonly formats: readonly string[];
  readonly array: ArrayPart | undefined;
  readonly object: ObjectPart | undefined;
  /** The members of its only union. */
  readonly variants: readonly Node[];
  /** What is left: negations, conditions, further unions. Compared as a whole. */
  readonly logic: readonly Node[];
  readonly opaque: readonly Opaque[];
  readonly fallback: { readonly value: unknown } | undefined;
}

const everyType: ReadonlySet<TypeName> = new Set(jsonTypes);

export function shapeOf(node: Node): Shape {
  return node.note("shape", () => makeShape(node));
}

function makeShape(node: Node): Shape {
  const { members, fallback } = flatten(node);
  const parts = members.map((member) => member.parts);
  const unions = parts.flatMap(({ anyOf, oneOf }) => [anyOf, oneOf].filter((union) => union !== undefined));
  const [first, ...others] = unions;
  const logic = parts.flatMap(({ not, condition, object, array }) => [
    ...(not === undefined ? [] : [Node.of({ not })]),
    ...(condition === undefined ? [] : [Node.of({ condition })]),
    ...(object?.unevaluated === undefined && array?.unevaluated === undefined ? [] : [node]),
  ]);
  const base: Shape = {
    node,
    types: typesOf(parts),
    values: parts.map(({ values }) => values).reduce(sharedValues, undefined),
    number: Object.assign({}, ...parts.map(({ number }) => number)),
    string: Object.assign({}, ...parts.map(({ string }) => string)),
    patterns: parts.flatMap(({ string }) => string?.pattern ?? []).sort(),
    formats: parts.flatMap(({ format }) => format ?? []).sort(),
    array: parts.map(({ array }) => array).reduce(mergedArrays, undefined),
    object: parts.map(({ object }) => object).reduce(mergedObjects, undefined),
    variants: first?.flatMap(unionMembers) ?? [],
    logic: [...logic, ...others.map((anyOf) => Node.of({ anyOf }))],
    opaque: parts.flatMap(({ opaque }) => opaque ?? []),
    fallback,
  };
  return lifted(base, parts);
}

/** A node and all that holds together with it. */
function flatten(node: Node): { readonly members: readonly Node[]; readonly fallback: Shape["fallback"] } {
  const members = new Set<Node>();
  const waiting = [node];
  let fallback: Shape["fallback"];
  for (let at = waiting.shift(); at !== undefined; at = waiting.shift()) {
    if (members.has(at)) continue;
    members.add(at);
    waiting.push(...(at.parts.allOf ?? []));
    if (fallback === undefined && isObject(at.schema) && at.schema.default !== undefined)
      fallback = { value: at.schema.default };
  }
  return { members: [...members], fallback };
}

function unionMembers(member: Node): readonly Node[] {
  const { anyOf, oneOf, ...others } = member.parts;
  return Object.keys(others).length === 0 ? (anyOf ?? oneOf ?? [member]) : [member];
}

function typesOf(parts: readonly Parts[]): ReadonlySet<TypeName> {
  let types = everyType;
  for (const { types: named, nullable, values, never } of parts) {
    if (never === true) return new Set();
    if (named !== undefined) types = sharedTypes(types, nullable === true ? new Set([...named, "null"]) : named);
    if (values !== undefined && named === undefined)
      types = sharedTypes(types, new Set(values.flatMap((value) => typeOfJson(value) ?? [])));
  }
  return types;
}

function sharedTypes(one: ReadonlySet<TypeName>, other: ReadonlySet<TypeName>): ReadonlySet<TypeName> {
  const shared = new Set<TypeName>();
  for (const type of other)
    if (one.has(type) || (type === "integer" && one.has("number"))) shared.add(type);
    else if (type === "number" && one.has("integer")) shared.add("integer");
  return shared;
}

function sharedValues(
  one: readonly unknown[] | undefined,
  other: readonly unknown[] | undefined,
): readonly unknown[] | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one.filter((value) => isAmong(other, value));
}

function mergedArrays(one: ArrayPart | undefined, other: ArrayPart | undefined): ArrayPart | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return { ...one, ...other, prefix: one.prefix.length > other.prefix.length ? one.prefix : other.prefix };
}

function mergedObjects(one: ObjectPart | undefined, other: ObjectPart | undefined): ObjectPart | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  const properties = new Map(one.properties);
  for (const [key, node] of other.properties) {
    const known = properties.get(key);
    properties.set(key, known === undefined ? node : Node.of({ allOf: [known, node] }));
  }
  return {
    ...one,
    ...other,
    properties,
    declares: one.declares || other.declares,
    patterns: [...one.patterns, ...other.patterns],
    required: [...new Set([...one.required, ...other.required])],
    soft: [...one.soft, ...other.soft],
    dependentRequired: new Map([...one.dependentRequired, ...other.dependentRequired]),
    dependentSchemas: new Map([...one.dependentSchemas, ...other.dependentSchemas]),
  };
}

/** A union of null and one other schema is that schema, nullable; one of constants alone is an enumeration. */
function lifted(base: Shape, parts: readonly Parts[]): Shape {
  const { variants, fallback } = base;
  if (variants.length === 0 || parts.some((part) => saysMore(part)) || base.logic.length > 0) return base;
  const shapes = variants.map(shapeOf);
  if (shapes.every(({ values, object, array }) => values !== undefined && object === undefined && array === undefined))
    return {
      ...base,
      types: new Set(shapes.flatMap(({ types }) => [...types])),
      values: shapes.flatMap(({ values }) => values ?? []),
      variants: [],
    };
  if (variants.every(({ parts: { types, ...rest } }) => types !== undefined && Object.keys(rest).length === 0))
    return { ...base, types: new Set(shapes.flatMap(({ types }) => [...types])), variants: [] };
  const others = shapes.filter(({ types }) => !(types.size === 1 && types.has("null")));
  const [only] = others;
  if (others.length !== 1 || only === undefined || only.variants.length > 0) {
    const all = shapes.flatMap(({ types }) => [...types]);
    return { ...base, types: new Set(all) };
  }
  return {
    ...only,
    node: base.node,
    fallback: fallback ?? only.fallback,
    ...(others.length < shapes.length && {
      types: new Set<TypeName>([...only.types, "null"]),
      ...(only.values !== undefined && { values: [...only.values, null] }),
    }),
  };
}

function saysMore({ allOf: _, anyOf, oneOf, ...others }: Parts): boolean {
  return Object.keys(others).length > 0 || (anyOf !== undefined && oneOf !== undefined);
}
