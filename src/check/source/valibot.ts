import { NoSource } from "./no-source.ts";
import { propertyKey } from "./property-key.ts";
import type { Words } from "./written.ts";

const formats = new Map([
  ["email", "v.email()"],
  ["uuid", "v.uuid()"],
  ["uri", "v.url()"],
  ["date-time", "v.isoTimestamp()"],
  ["date", "v.isoDate()"],
]);

/** As code of Valibot. */
export const valibot: Words = {
  any: "v.any()",
  boolean: "v.boolean()",
  null: "v.null()",
  literals(values) {
    if (values.length === 1) return `v.literal(${JSON.stringify(values[0])})`;
    const list = `[${values.map((value) => JSON.stringify(value)).join(", ")}]`;
    if (!values.every((value) => typeof value === "string" || typeof value === "number")) throw new NoSource();
    return `v.picklist(${list})`;
  },
  text({ format, pattern, minLength, maxLength }) {
    const known = typeof format === "string" ? formats.get(format) : undefined;
    if (format !== undefined && known === undefined) throw new NoSource();
    const regex = typeof pattern === "string" ? `v.regex(${new RegExp(pattern)})` : undefined;
    return pipe("v.string()", [known, regex, action("minLength", minLength), action("maxLength", maxLength)]);
  },
  number({ type, minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf }) {
    return pipe("v.number()", [
      type === "integer" ? "v.integer()" : undefined,
      action("minValue", minimum),
      action("maxValue", maximum),
      action("gtValue", exclusiveMinimum),
      action("ltValue", exclusiveMaximum),
      action("multipleOf", multipleOf),
    ]);
  },
  array: (item, { minItems, maxItems }) =>
    pipe(`v.array(${item})`, [action("minLength", minItems), action("maxLength", maxItems)]),
  object(fields, strict) {
    const entries = fields.map(({ name, source, optional, fallback }) => {
      const given = fallback === undefined ? "" : `, ${JSON.stringify(fallback)}`;
      return `${propertyKey(name)}: ${optional ? `v.optional(${source}${given})` : source}`;
    });
    return `v.${strict ? "strictObject" : "object"}(${entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`})`;
  },
  record: (value) => `v.record(v.string(), ${value})`,
  union(members) {
    const others = members.filter((member) => member !== "v.null()");
    if (others.length === 1 && members.length === 2) return `v.nullable(${others[0]})`;
    return `v.union([${members.join(", ")}])`;
  },
};

function action(name: string, argument: unknown): string | undefined {
  return argument === undefined ? undefined : `v.${name}(${JSON.stringify(argument)})`;
}

function pipe(base: string, actions: readonly (string | undefined)[]): string {
  const all = actions.filter((one) => one !== undefined);
  return all.length === 0 ? base : `v.pipe(${[base, ...all].join(", ")})`;
}
