import type { JsonSchema } from "../../contract/json-schema.ts";
import { NoSource } from "./no-source.ts";
import { propertyKey } from "./property-key.ts";

/** As code of Zod. */

type Keywords = Readonly<Record<string, unknown>>;

/** Says nothing to a validator. */
const silent = new Set(["title", "description", "examples", "deprecated"]);
const formats = new Map([
  ["email", "z.email()"],
  ["uuid", "z.uuid()"],
  ["uri", "z.url()"],
  ["date-time", "z.iso.datetime()"],
  ["date", "z.iso.date()"],
  ["time", "z.iso.time()"],
]);

/** @throws {NoSource} */
export function zod(schema: JsonSchema): string {
  if (schema === true) return "z.any()";
  if (schema === false) return "z.never()";
  const { default: fallback, ...keywords } = schema as Keywords;
  const source = plain(keywords);
  return fallback === undefined ? source : `${source}.default(${JSON.stringify(fallback)})`;
}

function plain(keywords: Keywords): string {
  const left = Object.keys(keywords).filter((keyword) => !silent.has(keyword));
  if (left.length === 0) return "z.any()";
  if ("const" in keywords) return `z.literal(${JSON.stringify(keywords.const)})`;
  if (Array.isArray(keywords.enum)) return enumeration(keywords.enum);
  if (Array.isArray(keywords.anyOf)) return union(keywords.anyOf as JsonSchema[]);
  if (Array.isArray(keywords.type)) return union(keywords.type.map((type: unknown) => ({ ...keywords, type })));
  switch (keywords.type) {
    case "string":
      return text(only(keywords, ["type", "format", "pattern", "minLength", "maxLength"]));
    case "integer":
    case "number":
      return numeric(
        only(keywords, ["type", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]),
      );
    case "boolean":
      return "z.boolean()";
    case "null":
      return "z.null()";
    case "array":
      return array(only(keywords, ["type", "prefixItems", "items", "minItems", "maxItems"]));
    case "object":
      return object(only(keywords, ["type", "properties", "required", "additionalProperties", "propertyNames"]));
    default:
      throw new NoSource();
  }
}

function enumeration(values: readonly unknown[]): string {
  const list = `[${values.map((value) => JSON.stringify(value)).join(", ")}]`;
  return values.every((value) => typeof value === "string") ? `z.enum(${list})` : `z.literal(${list})`;
}

/** @throws {NoSource} where a schema says more than is read here */
function only(keywords: Keywords, known: readonly string[]): Keywords {
  if (!Object.keys(keywords).every((keyword) => known.includes(keyword) || silent.has(keyword))) throw new NoSource();
  return keywords;
}

function union(members: readonly JsonSchema[]): string {
  const others = members.filter((member) => typeof member === "boolean" || member.type !== "null");
  const [first] = others;
  if (others.length === 1 && members.length === 2 && first !== undefined) return `${zod(first)}.nullable()`;
  return `z.union([${members.map(zod).join(", ")}])`;
}

function text({ format, pattern, minLength, maxLength }: Keywords): string {
  const known = typeof format === "string" ? formats.get(format) : undefined;
  if (format !== undefined && known === undefined) throw new NoSource();
  const bounds = `${call("min", minLength)}${call("max", maxLength)}`;
  if (known !== undefined) return `${known}${bounds}`;
  return `z.string()${bounds}${typeof pattern === "string" ? `.regex(${regularExpression(pattern)})` : ""}`;
}

/** @throws {NoSource} where it is none */
function regularExpression(pattern: string): string {
  try {
    return String(new RegExp(pattern));
  } catch {
    throw new NoSource();
  }
}

function numeric(keywords: Keywords): string {
  const { type, minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = keywords;
  // Zod renders the bounds of its own integers.
  const own = (value: unknown) => type === "integer" && Math.abs(Number(value)) === Number.MAX_SAFE_INTEGER;
  return [
    type === "integer" ? "z.int()" : "z.number()",
    own(minimum) ? "" : call("min", minimum),
    own(maximum) ? "" : call("max", maximum),
    call("gt", exclusiveMinimum),
    call("lt", exclusiveMaximum),
    call("multipleOf", multipleOf),
  ].join("");
}

function array({ prefixItems, items = true, minItems, maxItems }: Keywords): string {
  if (Array.isArray(prefixItems)) {
    const whole = items === false && minItems === prefixItems.length;
    if (!whole) throw new NoSource();
    return `z.tuple([${prefixItems.map((item) => zod(item as JsonSchema)).join(", ")}])`;
  }
  return `z.array(${zod(items as JsonSchema)})${call("min", minItems)}${call("max", maxItems)}`;
}

function object({ properties, required = [], additionalProperties, propertyNames }: Keywords): string {
  if (properties === undefined) {
    if (typeof additionalProperties !== "object") return "z.record(z.string(), z.any())";
    const key = propertyNames === undefined ? "z.string()" : zod({ type: "string", ...(propertyNames as object) });
    return `z.record(${key}, ${zod(additionalProperties as JsonSchema)})`;
  }
  const fields = Object.entries(properties as Record<string, JsonSchema>).map(([key, schema]) => {
    const defaulted = typeof schema === "object" && "default" in schema;
    const optional = (required as readonly string[]).includes(key) || defaulted ? "" : ".optional()";
    return `${propertyKey(key)}: ${zod(schema)}${optional}`;
  });
  const body = fields.length === 0 ? "{}" : `{ ${fields.join(", ")} }`;
  if (additionalProperties === false) return `z.strictObject(${body})`;
  const open = additionalProperties === true || JSON.stringify(additionalProperties) === "{}";
  if (open) return `z.looseObject(${body})`;
  if (additionalProperties !== undefined)
    return `z.object(${body}).catchall(${zod(additionalProperties as JsonSchema)})`;
  return `z.object(${body})`;
}

function call(method: string, argument: unknown): string {
  return argument === undefined ? "" : `.${method}(${JSON.stringify(argument)})`;
}
