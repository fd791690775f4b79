import type { JsonSchema } from "../contract/json-schema.ts";
import type { AlteredField, Field, PayloadDiff } from "./payload-diff.ts";
import { payloadsOf } from "./payloads.ts";
import { propertyKey } from "./source/property-key.ts";
import { schemaSource } from "./source/schema-source.ts";

/** The code of a change made as a revision of its own, to paste: the chain's end as it was, and the revision after it. */

export interface RevisionChange {
  readonly task: string;
  readonly library: string;
  /** The revision as it was released. */
  readonly revision: number;
  /** Whether the chain begins with it. */
  readonly isFirst: boolean;
  readonly older: JsonSchema;
  readonly newer: JsonSchema;
  readonly diff: PayloadDiff;
}

export function revisionCode(change: RevisionChange): string {
  const { task, library, revision, isFirst, older, newer } = change;
  const begins = isFirst
    ? `.payload(${schemaSource(older, library) ?? olderSchema}${revision > 1 ? `, { revision: ${revision} }` : ""})`
    : `.revise(${schemaSource(older, library) ?? olderSchema}, { /* upgrade and downgrade, as they were */ })`;
  return [
    `// ${task}: revision ${revision} as it was, then the change as revision ${revision + 1}`,
    begins,
    ...reviseCode(schemaSource(newer, library) ?? newerSchema, change),
  ].join("\n");
}

const olderSchema = "olderSchema /* as it was before your change */";
const newerSchema = "newerSchema /* as you have it now */";

function reviseCode(schema: string, { revision, diff }: RevisionChange): string[] {
  return [
    `.revise(${schema}, {`,
    `  // for the jobs that were written in revision ${revision}: they reach the function in the new form`,
    `  upgrade: ${upgradeCode(diff)},`,
    `  // for the workers that are still of the older release: they run the new jobs too`,
    `  downgrade: ${downgradeCode(diff)},`,
    `})`,
  ];
}

function upgradeCode({ byField, added, removed, altered, renamed }: PayloadDiff): string {
  if (!byField) return "(older) => older /* write here how an older payload becomes a new one */";
  if (renamed) return renamingCode(renamed.from, renamed.to);
  return conversion(
    "older",
    removed,
    added.filter(needed),
    altered.map(({ name, older, newer }) => ({ name, from: older, to: newer })),
  );
}

function downgradeCode({ byField, added, removed, altered, renamed }: PayloadDiff): string {
  if (!byField)
    return "(newer) => newer /* write here how a new payload becomes an older one; or leave downgrade out */";
  if (renamed) return renamingCode(renamed.to, renamed.from);
  return conversion(
    "newer",
    added,
    removed.filter(needed),
    altered.map(({ name, older, newer }: AlteredField) => ({ name, from: newer, to: older })),
  );
}

function needed({ required }: Field): boolean {
  return required;
}

function renamingCode(from: string, to: string): string {
  return `({ ${binding(from, "value")}, ...rest }) => ({ ...rest, ${propertyKey(to)}: value })`;
}

interface Converted {
  readonly name: string;
  readonly from: Field;
  readonly to: Field;
}

/** A function that leaves out, adds and converts fields. */
function conversion(
  name: "older" | "newer",
  without: readonly Field[],
  withFields: readonly Field[],
  converted: readonly Converted[],
): string {
  const changed = converted.filter(({ from, to }) => convertedValue("", from, to) !== undefined);
  const rest = without.length > 0 ? "rest" : name;
  const parameter =
    without.length > 0
      ? `({ ${[...without, ...changed.map(({ from }) => from)].map((field) => binding(field.name)).join(", ")}, ...rest })`
      : `(${name})`;
  const fields = [
    ...withFields.map((field) => `${propertyKey(field.name)}: ${example(field.schema)}`),
    ...changed.map(({ name: key, from, to }) => {
      const value = without.length > 0 ? localName(key) : `${name}${access(key)}`;
      return `${propertyKey(key)}: ${convertedValue(value, from, to)}`;
    }),
  ];
  if (fields.length === 0) return `${parameter} => ${rest}`;
  const choose = withFields.length > 0 ? ` /* choose what ${list(withFields)} should be */` : "";
  return `${parameter} => ({ ...${rest}, ${fields.join(", ")} })${choose}`;
}

function list(fields: readonly Field[]): string {
  return fields.map(({ name }) => name).join(", ");
}

/** A field that is taken out of a payload by its parameter. */
function binding(name: string, as = localName(name)): string {
  return name === as ? name : `${propertyKey(name)}: ${as}`;
}

function localName(name: string): string {
  const word = name.replace(/[^A-Za-z0-9_$]/g, "_");
  return /^[A-Za-z_$]/.test(word) && !reserved.has(word) ? word : `_${word}`;
}

const reserved = new Set(
  "break case catch class const continue default delete do else enum export extends false finally for function if import in new null return super switch this throw true try typeof var void while with yield rest older newer".split(
    " ",
  ),
);

function access(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
}

/** How a value of one form becomes one of the other; undefined where it may stay. */
function convertedValue(value: string, from: Field, to: Field): string | undefined {
  const target = typeOf(to.schema);
  const sameForm = JSON.stringify(from.schema) === JSON.stringify(to.schema);
  if (sameForm || (target !== undefined && typeOf(from.schema) === target && isBare(to.schema))) {
    const mayLack = (to.required && !from.required) || (isNullable(from.schema) && !isNullable(to.schema));
    return mayLack ? `${value} ?? ${example(to.schema)}` : undefined;
  }
  const isThere = from.required && !isNullable(from.schema);
  const choice = typeOf(from.schema) === "string" ? " /* choose what a text becomes that is no number */" : "";
  switch (isBare(to.schema) ? target : undefined) {
    case "string":
      return `String(${isThere ? value : `${value} ?? ""`})`;
    case "number":
      return `Number(${value}) || 0${choice}`;
    case "integer":
      return `Math.trunc(Number(${value}) || 0)${choice}`;
    case "boolean":
      return `Boolean(${value})`;
    default:
      return `${example(to.schema)} /* from ${value}: write how */`;
  }
}

function typeOf(schema: JsonSchema): unknown {
  if (typeof schema === "boolean") return;
  const [first, second, ...others] = Array.isArray(schema.anyOf) ? (schema.anyOf as JsonSchema[]) : [];
  if (first === undefined) return Array.isArray(schema.type) ? onlyType(schema.type) : schema.type;
  const members = [first, second].filter((member) => member !== undefined && typeOf(member) !== "null");
  return others.length === 0 && members.length === 1 && members[0] !== undefined ? typeOf(members[0]) : undefined;
}

/** Of a list of types, the one that is there beside null. */
function onlyType(types: readonly unknown[]): unknown {
  const others = types.filter((type) => type !== "null");
  return others.length === 1 ? others[0] : undefined;
}

function isNullable(schema: JsonSchema): boolean {
  return typeof schema === "object" && JSON.stringify(schema.anyOf ?? schema.type ?? "").includes('"null"');
}

/** Whether a type is all that a schema demands. */
function isBare(schema: JsonSchema): boolean {
  if (typeof schema === "boolean") return schema;
  if (!["string", "number", "integer", "boolean", "null"].includes(String(typeOf(schema)))) return false;
  const bounds = [
    "enum",
    "const",
    "format",
    "pattern",
    "minLength",
    "maxLength",
    "multipleOf",
    "exclusiveMinimum",
    "exclusiveMaximum",
  ];
  const whole = [schema.minimum, schema.maximum].every(
    (bound) => bound === undefined || Math.abs(Number(bound)) === Number.MAX_SAFE_INTEGER,
  );
  return whole && bounds.every((keyword) => !(keyword in schema));
}

/** A value that a schema takes, as code. */
function example(schema: JsonSchema): string {
  const bare = isBare(schema) && !isNullable(schema) ? typeOf(schema) : undefined;
  if (bare === "string") return '"unknown"';
  if (bare === "number" || bare === "integer") return "0";
  const [value] = payloadsOf(schema, 1);
  if (value === undefined) return "undefined /* what it should be */";
  const literal = /"(enum|const)":/.test(JSON.stringify(schema));
  return `${JSON.stringify(value)}${literal ? " as const" : ""}`;
}
