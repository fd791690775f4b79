import type { JsonSchema } from "../json-schema.ts";
import { type Resource, resourceAt, SchemaDocument } from "./document.ts";
import { isObject, type JsonType } from "./json.ts";
import { readParts } from "./read.ts";

/** A schema as the comparison sees it: read keyword by keyword, junk set aside, references followed only when asked. */

export type TypeName = JsonType | "integer";

export interface NumberPart {
  readonly min?: number;
  /** Whether `min` itself is out of range. */
  readonly minOpen?: boolean;
  readonly max?: number;
  readonly maxOpen?: boolean;
  readonly multipleOf?: number;
}

export interface StringPart {
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  /** A pattern that must not match: only negation writes it. */
  readonly notPattern?: string;
}

export interface ArrayPart {
  readonly prefix: readonly Node[];
  /** What follows the prefix. */
  readonly rest?: Node;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly unique?: boolean;
  readonly contains?: { readonly node: Node; readonly min: number; readonly max?: number };
  readonly unevaluated?: Node;
}

export interface ObjectPart {
  readonly properties: ReadonlyMap<string, Node>;
  /** Whether the schema has `properties` at all, be they none: on the writer's side it is closed then. */
  readonly declares: boolean;
  readonly patterns: readonly { readonly source: string; readonly node: Node }[];
  readonly additional?: Node;
  readonly names?: Node;
  readonly required: readonly string[];
  /**
   * Required, and with a default: a library that fills defaults in takes a payload without it, another one does not.
   * Whether such a property may be missing is therefore unknown.
   */
  readonly soft: readonly string[];
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly dependentRequired: ReadonlyMap<string, readonly string[]>;
  readonly dependentSchemas: ReadonlyMap<string, Node>;
  readonly unevaluated?: Node;
}

/** A keyword that cannot be judged: unknown, malformed, of another dialect, or a reference to nowhere. */
export interface Opaque {
  readonly keyword: string;
  readonly value: unknown;
  /** What it says to the validators that obey it; others do not. */
  readonly perhaps?: Node;
  /** Whether the specification, in the schema's dialect, says that it refuses nothing. */
  readonly foreign?: boolean;
}

export interface Parts {
  /** `false`, which takes nothing. */
  readonly never?: boolean;
  readonly types?: ReadonlySet<TypeName>;
  /** OpenAPI's `nullable: true`: some validators take null then, others do not. */
  readonly nullable?: boolean;
  /** Of `enum` or `const`. */
  readonly values?: readonly unknown[];
  readonly excluded?: readonly unknown[];
  /** `$ref`'s target and `allOf`'s members: all of them hold. */
  readonly allOf?: readonly Node[];
  readonly anyOf?: readonly Node[];
  readonly oneOf?: readonly Node[];
  readonly not?: Node;
  /** `if`, `then` and `else`. */
  readonly condition?: { readonly asked: Node; readonly holding?: Node; readonly failing?: Node };
  readonly number?: NumberPart;
  readonly string?: StringPart;
  readonly format?: string;
  readonly array?: ArrayPart;
  readonly object?: ObjectPart;
  readonly opaque?: readonly Opaque[];
}

let nodes = 0;

export class Node {
  readonly id = ++nodes;
  readonly schema: JsonSchema | undefined;
  readonly resource: Resource | undefined;
  #parts: Parts | undefined;
  #notes: Map<string, unknown> | undefined;

  private constructor(parts: Parts | undefined, schema?: JsonSchema, resource?: Resource) {
    this.#parts = parts;
    this.schema = schema;
    this.resource = resource;
  }

  /** A node made of parts, such as a negation: it stands in no document. */
  static of(parts: Parts): Node {
    return new Node(parts);
  }

  static root(schema: JsonSchema): Node {
    return nodeAt(schema, new SchemaDocument(schema).resource);
  }

  /** The node of a schema that stands in a resource, or refers into it. */
  static in(schema: JsonSchema, resource: Resource): Node {
    return nodeAt(schema, resource);
  }

  static at(schema: JsonSchema, resource: Resource): Node {
    return new Node(undefined, schema, resource);
  }

  get parts(): Parts {
    this.#parts ??=
      this.schema === undefined || this.resource === undefined ? {} : readParts(this.schema, this.resource, nodeAt);
    return this.#parts;
  }

  /** What others have worked out about this node under their own key, once. */
  note<Value>(key: string, make: () => Value): Value {
    this.#notes ??= new Map();
    if (this.#notes.has(key)) return this.#notes.get(key) as Value;
    const value = make();
    this.#notes.set(key, value);
    return value;
  }
}

/** The names that a schema may demand, described or not: on the writer's side they are declared. */
export function demandedKeys({ required, dependentRequired }: ObjectPart): readonly string[] {
  return dependentRequired.size === 0 ? required : [...required, ...[...dependentRequired.values()].flat()];
}

export const anything = Node.of({});
export const nothing = Node.of({ never: true });

const known = new WeakMap<Resource, Map<object, Node>>();

/** One node for each schema of a resource, so that recursion is recognised by identity. */
function nodeAt(schema: unknown, around: Resource): Node {
  if (schema === true) return anything;
  if (schema === false) return nothing;
  if (!isObject(schema)) return Node.of({ opaque: [{ keyword: "(not a schema)", value: Symbol("junk") }] });
  const resource = resourceAt(schema, around);
  let places = known.get(resource);
  if (places === undefined) {
    places = new Map();
    known.set(resource, places);
  }
  let node = places.get(schema);
  if (node === undefined) {
    node = Node.at(schema, resource);
    places.set(schema, node);
  }
  return node;
}
