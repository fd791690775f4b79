import type { Lockfile } from "./lockfile.ts";

/**
 * The text of a lockfile. It is made to be read as a diff: what fits a line stands on one, so that a property of a payload is
 * a line, and its order depends on the code alone.
 */
export function lockfileText(lockfile: Lockfile): string {
  return `${print(lockfile, "", 0)}\n`;
}

const width = 120;
/** The lockfile, its tasks and their revisions always have lines of their own; and so have a payload's properties. */
const spread = 5;

function print(value: unknown, indent: string, depth: number, key = ""): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const within = `${indent}  `;
  const parts = Array.isArray(value)
    ? value.map((item) => print(item, within, depth + 1))
    : Object.entries(value).flatMap(([key, item]) =>
        item === undefined ? [] : [`${JSON.stringify(key)}: ${print(item, within, depth + 1, key)}`],
      );
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  if (parts.length === 0) return `${open}${close}`;
  const pad = Array.isArray(value) ? "" : " ";
  const line = `${open}${pad}${parts.join(", ")}${pad}${close}`;
  const fits =
    line.length + indent.length <= width &&
    !line.includes("\n") &&
    (depth >= spread || Array.isArray(value)) &&
    (key !== "properties" || depth > 7);
  return fits ? line : `${open}\n${parts.map((part) => within + part).join(",\n")}\n${indent}${close}`;
}
