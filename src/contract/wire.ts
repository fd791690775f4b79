import type { JsonSchema } from "./json-schema.ts";

/**
 * The wire form of a payload: as its producer wrote it, less what the contract does not declare.
 *
 * Objects are closed on the writer's side. A property that no revision declares would be a promise that nobody made:
 * the next release might declare one of the same name with another type, and meet the old ones in the queue.
 * Free-form records (additionalProperties, patternProperties) stay as they are.
 */
export function pruneUndeclared(value: unknown, schema: JsonSchema): unknown {
  return prune(value, schema, schema, 0);
}

/** `pruneUndeclared` for one schema and many payloads: a flat payload that declares all it has is passed on as it is. */
export function pruner(schema: JsonSchema): (value: unknown) => unknown {
  const flat = flatProperties(schema);
  return (value) => {
    const declaredOnly =
      flat !== undefined &&
      typeof value === "object" &&
      value !== null &&
      Object.keys(value).every((key) => flat.has(key));
    return declaredOnly ? value : pruneUndeclared(value, schema);
  };
}

/** The property names of an object schema whose properties hold nothing that could be pruned itself. */
function flatProperties(schema: JsonSchema): Set<string> | undefined {
  if (
    typeof schema === "boolean" ||
    schema.type !== "object" ||
    typeof schema.properties !== "object" ||
    schema.properties === null
  )
    return;
  const scalars = ["string", "number", "integer", "boolean", "null"];
  const flat = Object.entries(schema.properties as Record<string, { readonly type?: unknown }>).filter(
    ([, { type }]) => typeof type === "string" && scalars.includes(type),
  );
  return new Set(flat.map(([key]) => key));
}

type SchemaObject = Exclude<JsonSchema, boolean>;

/** Recursive schemas are followed as deep as a payload may be nested. */
const maxDepth = 200;

function prune(value: unknown, schema: JsonSchema, root: JsonSchema, depth: number): unknown {
  if (typeof value !== "object" || value === null || depth > maxDepth) return value;
  const branches = expand(schema, root, 0);
  if (Array.isArray(value))
    return value.map((item: unknown, index) =>
      pruneAll(
        item,
        branches.flatMap((branch) => itemSchemas(branch, index)),
        root,
        depth,
      ),
    );

  const open = branches.some(isOpen);
  const kept: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    const declared = branches.flatMap((branch) => propertySchema(branch, key));
    if (declared.length > 0) kept[key] = pruneAll(item, declared, root, depth);
    else if (open) kept[key] = item;
  }
  return kept;
}

function pruneAll(value: unknown, schemas: readonly JsonSchema[], root: JsonSchema, depth: number): unknown {
  // Several schemas at one place come from a union: what any of its members declares is declared.
  if (schemas.length === 0) return value;
  return prune(value, schemas.length === 1 ? (schemas[0] as JsonSchema) : { anyOf: schemas }, root, depth + 1);
}

/** The object schemas that stand at one place: a union's members, an intersection's parts, and what they refer to. */
function expand(schema: JsonSchema, root: JsonSchema, hops: number): SchemaObject[] {
  if (typeof schema === "boolean") return schema ? [{}] : [];
  if (hops > 64) return [{}];
  const parts = [schema.anyOf, schema.oneOf, schema.allOf].filter(Array.isArray).flat() as JsonSchema[];
  const target = typeof schema.$ref === "string" ? [resolve(schema.$ref, root)] : [];
  return [schema, ...[...parts, ...target].flatMap((part) => expand(part, root, hops + 1))];
}

function resolve(ref: string, root: JsonSchema): JsonSchema {
  if (ref === "#") return root;
  if (!ref.startsWith("#/")) return true;
  let at: unknown = root;
  for (const token of ref.slice(2).split("/")) {
    const key = decodeURIComponent(token).replaceAll("~1", "/").replaceAll("~0", "~");
    at = typeof at === "object" && at !== null ? Reflect.get(at, key) : undefined;
  }
  return typeof at === "object" && at !== null ? (at as SchemaObject) : true;
}

/** Whether an object may carry properties of any name: a record, or a place of which the schema says nothing. */
function isOpen(schema: SchemaObject): boolean {
  if (schema.patternProperties !== undefined || schema.propertyNames !== undefined) return true;
  if (schema.additionalProperties !== undefined && schema.additionalProperties !== false) return true;
  if (schema.unevaluatedProperties !== undefined && schema.unevaluatedProperties !== false) return true;
  const composed = [schema.anyOf, schema.oneOf, schema.allOf, schema.$ref, schema.enum, schema.const].some(
    (part) => part !== undefined,
  );
  const mayBeObject =
    schema.type === undefined ||
    schema.type === "object" ||
    (Array.isArray(schema.type) && schema.type.includes("object"));
  return schema.properties === undefined && !composed && mayBeObject && schema.additionalProperties === undefined;
}

function propertySchema(schema: SchemaObject, key: string): JsonSchema[] {
  const { properties, additionalProperties } = schema;
  if (typeof properties === "object" && properties !== null && Object.hasOwn(properties, key))
    return [Reflect.get(properties, key) as JsonSchema];
  return typeof additionalProperties === "object" && additionalProperties !== null
    ? [additionalProperties as JsonSchema]
    : [];
}

function itemSchemas({ prefixItems, items }: SchemaObject, index: number): JsonSchema[] {
  if (Array.isArray(prefixItems) && index < prefixItems.length) return [prefixItems[index] as JsonSchema];
  return typeof items === "object" && items !== null && !Array.isArray(items) ? [items as JsonSchema] : [];
}
