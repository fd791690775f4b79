import { NoSource } from "./no-source.ts";
import { propertyKey } from "./property-key.ts";
import type { Keywords, Words } from "./written.ts";

/** As code of TypeBox. */
export const typebox: Words = {
  any: "Type.Any()",
  boolean: "Type.Boolean()",
  null: "Type.Null()",
  literals(values) {
    const each = values.map((value) => {
      if (value === null) return "Type.Null()";
      if (typeof value === "object") throw new NoSource();
      return `Type.Literal(${JSON.stringify(value)})`;
    });
    return each.length === 1 ? each.join() : `Type.Union([${each.join(", ")}])`;
  },
  text: ({ type: _, ...keywords }) => `Type.String(${options(keywords)})`,
  number: ({ type, ...keywords }) => `Type.${type === "integer" ? "Integer" : "Number"}(${options(keywords)})`,
  array: (item, bounds) => {
    const given = options(bounds);
    return `Type.Array(${item}${given === "" ? "" : `, ${given}`})`;
  },
  object(fields, strict) {
    if (fields.some(({ fallback }) => fallback !== undefined)) throw new NoSource();
    const entries = fields.map(
      ({ name, source, optional }) => `${propertyKey(name)}: ${optional ? `Type.Optional(${source})` : source}`,
    );
    const body = entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`;
    return `Type.Object(${body}${strict ? ", { additionalProperties: false }" : ""})`;
  },
  record: (value) => `Type.Record(Type.String(), ${value})`,
  union: (members) => `Type.Union([${members.join(", ")}])`,
};

/** Its options are the keywords themselves. */
function options(keywords: Keywords): string {
  const said = [
    "format",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minItems",
    "maxItems",
  ]
    .filter((keyword) => keywords[keyword] !== undefined)
    .map((keyword) => `${keyword}: ${JSON.stringify(keywords[keyword])}`);
  return said.length === 0 ? "" : `{ ${said.join(", ")} }`;
}
