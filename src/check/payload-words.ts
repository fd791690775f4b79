import type { JsonSchema } from "../contract/json-schema.ts";
import type { AlteredField, PayloadDiff } from "./payload-diff.ts";

/** What changed in a payload, as whoever changed it would say it. */
export function fieldsInWords({ added, removed, altered, renamed, byField, changes }: PayloadDiff): string {
  if (renamed && altered.length === 0) return `\`${renamed.from}\` was removed and \`${renamed.to}\` added (renamed?)`;
  const parts = [
    ...added.map(({ name, required }) => `\`${name}\` was added as ${required ? "a mandatory" : "an optional"} field`),
    ...removed.map(({ name }) => `\`${name}\` was removed`),
    ...altered.map(alteration),
  ];
  if (byField && parts.length > 0)
    return parts.length > 3
      ? `${parts.slice(0, 3).join(", ")} and ${parts.length - 3} more changes were made`
      : parts.join(" and ");
  const [first, ...others] = changes;
  if (first === undefined) return "the payload changed";
  const where = first.field === "" ? "the payload" : `\`${first.field}\``;
  return `${where} changed (${first.rule})${others.length > 0 ? ` and ${others.length} more changes were made` : ""}`;
}

function alteration({ name, older, newer }: AlteredField): string {
  const [from, to] = [typeInWords(older.schema), typeInWords(newer.schema)];
  if (older.required !== newer.required && from === to)
    return `\`${name}\` became ${newer.required ? "mandatory" : "optional"}`;
  return from === to ? `\`${name}\` was changed` : `\`${name}\` was changed from ${from} to ${to}`;
}

function typeInWords(schema: JsonSchema): string {
  if (typeof schema === "boolean") return schema ? "anything" : "nothing";
  if ("const" in schema) return JSON.stringify(schema.const);
  if (Array.isArray(schema.enum)) return `one of ${schema.enum.map((value) => JSON.stringify(value)).join(", ")}`;
  if (Array.isArray(schema.anyOf)) return schema.anyOf.map((member) => typeInWords(member as JsonSchema)).join(" or ");
  const type = Array.isArray(schema.type) ? schema.type.join(" or ") : String(schema.type ?? "anything");
  const items = type === "array" && typeof schema.items === "object" && schema.items !== null;
  if (items) return `array of ${typeInWords(schema.items as JsonSchema)}`;
  return typeof schema.format === "string" ? `${type} (${schema.format})` : type;
}
