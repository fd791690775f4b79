import { isDeepStrictEqual } from "node:util";

/** What is different in another value, a line a place: `- snapshot[0].count: 1`, `+ snapshot[0].count: 2`. Empty where they are the same. */
export function difference(expected: unknown, found: unknown): string {
  const lines: string[] = [];
  compare(expected, found, "", lines);
  return lines.length > mostLines
    ? `${lines.slice(0, mostLines).join("\n")}\n… and ${lines.length - mostLines} lines more`
    : lines.join("\n");
}

const mostLines = 40;

function compare(expected: unknown, found: unknown, path: string, lines: string[]): void {
  if (isDeepStrictEqual(expected, found)) return;
  if (isContainer(expected) && isContainer(found) && Array.isArray(expected) === Array.isArray(found)) {
    for (const key of new Set([...Object.keys(expected), ...Object.keys(found)]))
      compare(
        expected[key],
        found[key],
        Array.isArray(expected) ? `${path}[${key}]` : `${path}${path && "."}${key}`,
        lines,
      );
    return;
  }
  if (expected !== undefined) lines.push(`- ${path}: ${text(expected)}`);
  if (found !== undefined) lines.push(`+ ${path}: ${text(found)}`);
}

function isContainer(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  return (
    Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null
  );
}

function text(value: unknown): string {
  const json =
    JSON.stringify(value, (_, each: unknown) => (typeof each === "bigint" ? String(each) : each)) ?? String(value);
  return json.length > 200 ? `${json.slice(0, 199)}…` : json;
}
