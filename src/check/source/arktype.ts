import { NoSource } from "./no-source.ts";
import { propertyKey } from "./property-key.ts";
import type { Words } from "./written.ts";

/** As a definition of ArkType: what stands in `type(…)`, a text or an object or a list. */
export const arktype: Words = {
  any: quoted("unknown"),
  boolean: quoted("boolean"),
  null: quoted("null"),
  literals: (values) => quoted(values.map(literal).join(" | ")),
  text({ format, pattern, minLength, maxLength }) {
    if (format === "email" && minLength === undefined && maxLength === undefined) return quoted("string.email");
    if (format !== undefined || (pattern !== undefined && (minLength ?? maxLength) !== undefined)) throw new NoSource();
    // So long is none that a person wrote: a keyword of ArkType's, such as string.date.iso, reads better as it was.
    if (typeof pattern === "string" && pattern.length > 80) throw new NoSource();
    if (typeof pattern === "string") return quoted(String(new RegExp(pattern)));
    return quoted(between("string", minLength, maxLength));
  },
  number({ type, minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf }) {
    if (
      (minimum !== undefined && exclusiveMinimum !== undefined) ||
      (maximum !== undefined && exclusiveMaximum !== undefined)
    )
      throw new NoSource();
    const step = multipleOf === undefined ? "" : ` % ${multipleOf}`;
    const base = type === "integer" && multipleOf === undefined ? "number.integer" : `number${step}`;
    const strict = exclusiveMinimum !== undefined || exclusiveMaximum !== undefined;
    if (strict && (minimum !== undefined || maximum !== undefined)) throw new NoSource();
    return quoted(between(base, minimum ?? exclusiveMinimum, maximum ?? exclusiveMaximum, strict ? "<" : "<="));
  },
  array(item, { minItems, maxItems }) {
    if (minItems === undefined && maxItems === undefined)
      return textOf(item) === undefined ? `[${item}, "[]"]` : quoted(`${grouped(item)}[]`);
    if (textOf(item) === undefined) throw new NoSource();
    return quoted(between(`${grouped(item)}[]`, minItems, maxItems));
  },
  object(fields, strict) {
    const entries = fields.map(({ name, source, optional, fallback }) => {
      if (fallback !== undefined) throw new NoSource();
      if (/^[[+]|\?$|^\.\.\.|\\/.test(name)) throw new NoSource();
      return `${propertyKey(optional ? `${name}?` : name)}: ${source}`;
    });
    const all = [...(strict ? ['"+": "reject"'] : []), ...entries];
    return all.length === 0 ? "{}" : `{ ${all.join(", ")} }`;
  },
  record(value) {
    const text = textOf(value);
    return text === undefined ? `{ "[string]": ${value} }` : quoted(`Record<string, ${text}>`);
  },
  union(members) {
    const texts = members.map(textOf);
    if (texts.every((text) => text !== undefined)) return quoted(texts.join(" | "));
    return members.reduce((one, other) => `[${one}, "|", ${other}]`);
  },
};

function quoted(text: string): string {
  return JSON.stringify(text);
}

/** What a definition says where it is a text. */
function textOf(definition: string): string | undefined {
  return definition.startsWith('"') ? (JSON.parse(definition) as string) : undefined;
}

function grouped(definition: string): string {
  const text = textOf(definition) ?? "";
  return /^[\w.]+$/.test(text) ? text : `(${text})`;
}

function literal(value: unknown): string {
  if (typeof value !== "string") {
    if (typeof value === "object" && value !== null) throw new NoSource();
    return String(value);
  }
  if (/['"\\]/.test(value)) throw new NoSource();
  return `'${value}'`;
}

function between(base: string, low: unknown, high: unknown, sign = "<="): string {
  if (low !== undefined && high !== undefined) return `${low} ${sign} ${base} ${sign} ${high}`;
  if (low !== undefined) return `${base} ${sign.replace("<", ">")} ${low}`;
  return high === undefined ? base : `${base} ${sign} ${high}`;
}
