import type { JsonSchema } from "../json-schema.ts";
import { isObject, type JsonObject } from "./json.ts";
import { dialectOf } from "./keywords.ts";
import { metaSchemas } from "./meta-schemas.ts";

/**
 * A schema document: where its `$ref`s lead. Nothing is ever fetched: what is neither in the document nor one of the schemas of schemas
 * has no target.
 */

/** A schema with an `$id` of its own, or the document itself: what a `#` in a reference stands for. */
export interface Resource {
  readonly document: SchemaDocument;
  readonly root: JsonSchema;
  readonly base: string;
}

export interface Target {
  readonly schema: JsonSchema;
  readonly resource: Resource;
}

const nowhere = "https://schema.invalid/";

/** The look for `$id` and `$anchor` stops after so many places. */
const maxPlaces = 50_000;

export class SchemaDocument {
  readonly dialect: number;
  readonly resource: Resource;
  #index: Map<string, Target> | undefined;
  #dynamic: string[] = [];

  constructor(root: JsonSchema) {
    this.dialect = isObject(root) ? dialectOf(root.$schema) : 2020;
    this.resource = { document: this, root, base: absolute(isObject(root) ? root.$id : undefined, nowhere) ?? nowhere };
  }

  /** Undefined for a reference that leads out of the document, to nothing, or to something that is no schema. */
  resolve(reference: string, from: Resource): Target | undefined {
    if (reference === "#") return { schema: from.root, resource: from };
    if (reference.startsWith("#/")) return followPointer(reference.slice(1), { schema: from.root, resource: from });
    const uri = absolute(reference, from.base);
    if (uri === undefined) return;
    const index = this.#places();
    const exact = index.get(uri);
    if (exact !== undefined) return exact;
    const [address = "", fragment = ""] = uri.split("#");
    const resource = index.get(address) ?? metaSchemaAt(address);
    if (resource === undefined) return;
    if (fragment === "") return resource;
    return fragment.startsWith("/") ? followPointer(fragment, resource) : undefined;
  }

  /** Whether a reference is to a schema of another document, by its full address: then it is the same one, whoever refers to it. */
  isElsewhere(reference: string, from: Resource): boolean {
    if (!/^[a-z][a-z0-9+.-]*:/i.test(reference)) return false;
    const uri = absolute(reference, from.base);
    return uri !== undefined && !this.#places().has(withoutFragment(uri));
  }

  /** A `$dynamicRef` is as good as a `$ref` where no more than one anchor can answer it. */
  isStatic(dynamicReference: string): boolean {
    this.#places();
    const name = dynamicReference.split("#")[1] ?? "";
    return this.#dynamic.filter((anchor) => anchor === name).length <= 1;
  }

  #places(): ReadonlyMap<string, Target> {
    if (this.#index !== undefined) return this.#index;
    const index = new Map<string, Target>();
    this.#index = index;
    index.set(withoutFragment(this.resource.base), { schema: this.resource.root, resource: this.resource });
    const seen = new Set<unknown>();
    const waiting: { readonly at: unknown; readonly resource: Resource }[] = [
      { at: this.resource.root, resource: this.resource },
    ];
    for (let next = waiting.pop(); next !== undefined && seen.size < maxPlaces; next = waiting.pop()) {
      const { at } = next;
      if (typeof at !== "object" || at === null || seen.has(at)) continue;
      seen.add(at);
      let { resource } = next;
      if (isObject(at)) {
        resource = resourceAt(at, resource);
        if (resource !== next.resource) keep(index, withoutFragment(resource.base), { schema: at, resource });
        for (const anchor of [at.$anchor, at.$dynamicAnchor])
          if (typeof anchor === "string")
            keep(index, `${withoutFragment(resource.base)}#${anchor}`, { schema: at, resource });
        if (typeof at.$id === "string" && at.$id.startsWith("#"))
          keep(index, `${withoutFragment(resource.base)}${at.$id}`, { schema: at, resource });
        if (typeof at.$dynamicAnchor === "string") this.#dynamic.push(at.$dynamicAnchor);
        if (at.$recursiveAnchor === true) this.#dynamic.push("", "");
      }
      for (const [key, child] of Object.entries(at))
        if (key !== "enum" && key !== "const" && key !== "default" && key !== "examples")
          waiting.push({ at: child, resource });
    }
    return index;
  }
}

const documentsOfMetaSchemas = new Map<string, SchemaDocument>();

function metaSchemaAt(address: string): Target | undefined {
  const schema = metaSchemas.get(address);
  if (schema === undefined) return;
  // One document for all who refer to it, so that what they refer to is the same.
  const document = documentsOfMetaSchemas.get(address) ?? new SchemaDocument(schema);
  documentsOfMetaSchemas.set(address, document);
  return { schema, resource: document.resource };
}

/** Two schemas that claim the same address: neither can be meant with certainty. */
function keep(index: Map<string, Target>, uri: string, target: Target): void {
  if (index.has(uri)) index.set(uri, { schema: { $ref: "taskmaster:ambiguous" }, resource: target.resource });
  else index.set(uri, target);
}

/** The resource that a schema belongs to, given the one around it. */
export function resourceAt(schema: JsonObject, around: Resource): Resource {
  const id = around.document.dialect <= 4 ? schema.id : schema.$id;
  if (typeof id !== "string" || id.startsWith("#") || schema === around.root) return around;
  if (around.document.dialect <= 7 && schema.$ref !== undefined) return around;
  const base = absolute(id, around.base);
  return base === undefined ? around : { document: around.document, root: schema, base };
}

function followPointer(pointer: string, start: Target): Target | undefined {
  let at: unknown = start.schema;
  let { resource } = start;
  for (const token of pointer.slice(1).split("/")) {
    const key = decode(token);
    if (key === undefined || typeof at !== "object" || at === null || !Object.hasOwn(at, key)) return;
    if (isObject(at)) resource = resourceAt(at, resource);
    at = Reflect.get(at, key);
  }
  return typeof at === "boolean" || isObject(at) ? { schema: at, resource } : undefined;
}

function decode(token: string): string | undefined {
  try {
    return decodeURIComponent(token).replaceAll("~1", "/").replaceAll("~0", "~");
  } catch {
    return;
  }
}

function absolute(reference: unknown, base: string): string | undefined {
  if (typeof reference !== "string") return;
  try {
    return new URL(reference, base).href;
  } catch {
    return;
  }
}

function withoutFragment(uri: string): string {
  return uri.split("#")[0] ?? uri;
}
