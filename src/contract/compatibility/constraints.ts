import { jsonTypes } from "./json.ts";
import { type ArrayPart, anything, Node, nothing, type ObjectPart, type Parts, type TypeName } from "./node.ts";

/** A schema taken apart into single demands, each with its opposite. */

export interface Constraint {
  readonly node: Node;
  /** Takes at least whatever `node` refuses; `anything` where the opposite cannot be written down. */
  readonly opposite: Node;
}

/** Most opposites are never asked for. */
class Demand implements Constraint {
  readonly node: Node;
  readonly #make: () => Node;
  #opposite: Node | undefined;

  constructor(node: Node, make: () => Node) {
    this.node = node;
    this.#make = make;
  }

  get opposite(): Node {
    this.#opposite ??= this.#make();
    return this.#opposite;
  }
}

const empty = { properties: new Map(), declares: false, patterns: [], required: [], soft: [] } as const;
const noDependents = { dependentRequired: new Map(), dependentSchemas: new Map() } as const;

export function objectNode(part: Partial<ObjectPart>, types: readonly TypeName[] = []): Node {
  return Node.of({
    ...(types.length > 0 && { types: new Set(types) }),
    object: { ...empty, ...noDependents, ...part },
  });
}

function arrayNode(part: Partial<ArrayPart>, types: readonly TypeName[] = []): Node {
  return Node.of({ ...(types.length > 0 && { types: new Set(types) }), array: { prefix: [], ...part } });
}

function typeNode(...types: readonly TypeName[]): Node {
  return Node.of({ types: new Set(types) });
}

export function notNode(node: Node): Node {
  return node.note("not", () => Node.of({ not: node }));
}

const anObject = typeNode("object");
const aNumber = typeNode("number");

/** The demands whose conjunction is the schema; references and `allOf` are followed. */
export function constraintsOf(node: Node): readonly Constraint[] {
  return node.note("constraints", () => {
    const found: Constraint[] = [];
    collect(node, new Set(), found);
    return found;
  });
}

function collect(node: Node, path: ReadonlySet<Node>, found: Constraint[]): void {
  const { parts } = node;
  if (path.has(node) || path.size > 40) {
    found.push({ node, opposite: anything });
    return;
  }
  const sees = parts.object?.unevaluated ?? parts.array?.unevaluated;
  // Unevaluated* looks at all of its neighbours: such a schema cannot be taken apart.
  if (sees !== undefined) found.push({ node, opposite: anything });
  else found.push(...plain(parts), ...logic(parts), ...ofArrays(parts.array), ...ofObjects(parts.object));
  if (sees === undefined) for (const member of parts.allOf ?? []) collect(member, new Set([...path, node]), found);
}

function plain(parts: Parts): Constraint[] {
  const found: Constraint[] = [];
  const add = (part: Parts, opposite: Node) => found.push({ node: Node.of(part), opposite });
  const { number, string } = parts;
  if (parts.never === true) add({ never: true }, anything);
  if (parts.types !== undefined)
    add({ types: parts.types, ...(parts.nullable === true && { nullable: true }) }, otherTypes(parts.types));
  if (parts.values !== undefined) add({ values: parts.values }, Node.of({ excluded: parts.values }));
  if (parts.excluded !== undefined) add({ excluded: parts.excluded }, Node.of({ values: parts.excluded }));
  if (parts.format !== undefined) add({ format: parts.format }, anything);
  if (number?.min !== undefined)
    add(
      { number: { min: number.min, minOpen: number.minOpen ?? false } },
      Node.of({ types: new Set(["number"]), number: { max: number.min, maxOpen: number.minOpen !== true } }),
    );
  if (number?.max !== undefined)
    add(
      { number: { max: number.max, maxOpen: number.maxOpen ?? false } },
      Node.of({ types: new Set(["number"]), number: { min: number.max, minOpen: number.maxOpen !== true } }),
    );
  if (number?.multipleOf !== undefined) add({ number: { multipleOf: number.multipleOf } }, aNumber);
  if (string?.minLength !== undefined)
    add({ string: { minLength: string.minLength } }, shorter("string", string.minLength));
  if (string?.maxLength !== undefined)
    add(
      { string: { maxLength: string.maxLength } },
      Node.of({ types: new Set(["string"]), string: { minLength: string.maxLength + 1 } }),
    );
  if (string?.pattern !== undefined)
    add(
      { string: { pattern: string.pattern } },
      Node.of({ types: new Set(["string"]), string: { notPattern: string.pattern } }),
    );
  if (string?.notPattern !== undefined)
    add(
      { string: { notPattern: string.notPattern } },
      Node.of({ types: new Set(["string"]), string: { pattern: string.notPattern } }),
    );
  for (const opaque of parts.opaque ?? []) add({ opaque: [opaque] }, anything);
  return found;
}

function otherTypes(types: ReadonlySet<TypeName>): Node {
  // What is no integer is perhaps another number.
  const others = jsonTypes.filter((type) => !types.has(type));
  return others.length === 0 ? nothing : typeNode(...others);
}

function shorter(type: "string" | "array" | "object", than: number): Node {
  if (than === 0) return nothing;
  if (type === "string") return Node.of({ types: new Set([type]), string: { maxLength: than - 1 } });
  return type === "array"
    ? arrayNode({ maxItems: than - 1 }, ["array"])
    : objectNode({ maxProperties: than - 1 }, ["object"]);
}

function logic({ anyOf, oneOf, not, condition }: Parts): Constraint[] {
  const found: Constraint[] = [];
  if (anyOf !== undefined) found.push({ node: Node.of({ anyOf }), opposite: Node.of({ allOf: anyOf.map(notNode) }) });
  if (oneOf !== undefined) found.push({ node: Node.of({ oneOf }), opposite: anything });
  if (not !== undefined) found.push({ node: notNode(not), opposite: not });
  if (condition !== undefined) {
    const { asked, holding, failing } = condition;
    const ways = [
      ...(holding === undefined ? [] : [Node.of({ allOf: [asked, notNode(holding)] })]),
      ...(failing === undefined ? [] : [Node.of({ allOf: [notNode(asked), notNode(failing)] })]),
    ];
    found.push({ node: Node.of({ condition }), opposite: Node.of({ anyOf: ways }) });
  }
  return found;
}

function ofArrays(part: ArrayPart | undefined): Constraint[] {
  if (part === undefined) return [];
  const found: Constraint[] = part.prefix.map((item, index) => {
    const before = part.prefix.slice(0, index).map(() => anything);
    return {
      node: arrayNode({ prefix: [...before, item] }),
      opposite: arrayNode({ prefix: [...before, notNode(item)], minItems: index + 1 }, ["array"]),
    };
  });
  const { rest, minItems, maxItems, unique, contains } = part;
  if (rest !== undefined)
    found.push({
      node: arrayNode({ prefix: part.prefix.map(() => anything), rest }),
      opposite: arrayNode(
        {
          minItems: part.prefix.length + 1,
          ...(part.prefix.length === 0 && { contains: { node: notNode(rest), min: 1 } }),
        },
        ["array"],
      ),
    });
  if (minItems !== undefined) found.push({ node: arrayNode({ minItems }), opposite: shorter("array", minItems) });
  if (maxItems !== undefined)
    found.push({ node: arrayNode({ maxItems }), opposite: arrayNode({ minItems: maxItems + 1 }, ["array"]) });
  if (unique === true) found.push({ node: arrayNode({ unique }), opposite: arrayNode({ minItems: 2 }, ["array"]) });
  if (contains !== undefined)
    found.push({ node: arrayNode({ contains }), opposite: Node.of({ anyOf: tooFewOrTooMany(contains) }) });
  return found;
}

function tooFewOrTooMany({ node, min, max }: NonNullable<ArrayPart["contains"]>): readonly Node[] {
  return [
    ...(min > 0 ? [arrayNode({ rest: notNode(node) }, ["array"])] : []),
    ...(min > 1 ? [shorter("array", min)] : []),
    ...(max !== undefined ? [arrayNode({ contains: { node, min: max + 1 } }, ["array"])] : []),
  ];
}

function ofObjects(part: ObjectPart | undefined): Constraint[] {
  if (part === undefined) return [];
  const found: Constraint[] = [];
  const add = (demand: Partial<ObjectPart>, opposite: () => Node) =>
    found.push(new Demand(objectNode(demand), opposite));
  // What an object schema without properties reads is told all the same: nothing.
  if (part.declares && part.properties.size === 0) add({ declares: true }, () => nothing);
  for (const [key, node] of part.properties)
    add({ properties: new Map([[key, node]]), declares: part.declares }, () =>
      objectNode({ required: [key], properties: new Map([[key, notNode(node)]]) }, ["object"]),
    );
  for (const pattern of part.patterns) add({ patterns: [pattern] }, () => anObject);
  if (part.additional !== undefined)
    add(
      {
        properties: new Map([...part.properties.keys()].map((key) => [key, anything])),
        patterns: part.patterns.map(({ source }) => ({ source, node: anything })),
        additional: part.additional,
      },
      () => anObject,
    );
  for (const key of part.required)
    add({ required: [key], soft: part.soft.filter((soft) => soft === key) }, () =>
      objectNode({ properties: new Map([[key, nothing]]) }, ["object"]),
    );
  if (part.names !== undefined) add({ names: part.names }, () => objectNode({ minProperties: 1 }, ["object"]));
  const { minProperties, maxProperties } = part;
  if (minProperties !== undefined) add({ minProperties }, () => shorter("object", minProperties));
  if (maxProperties !== undefined)
    add({ maxProperties }, () => objectNode({ minProperties: maxProperties + 1 }, ["object"]));
  for (const [key, needed] of part.dependentRequired)
    for (const other of needed)
      add({ dependentRequired: new Map([[key, [other]]]) }, () =>
        objectNode({ required: [key], properties: new Map([[other, nothing]]) }, ["object"]),
      );
  for (const [key, node] of part.dependentSchemas)
    add({ dependentSchemas: new Map([[key, node]]) }, () =>
      Node.of({ allOf: [objectNode({ required: [key] }, ["object"]), notNode(node)] }),
    );
  return found;
}
