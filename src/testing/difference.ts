import { isDeepStrictEqual } from "node:util";

/**
 * What is different in another value, a line a place: `- snapshot[0].count: 1`, `+ snapshot[0].count: 2`. Empty where they are the same.
 *
 * @param except places that are not looked at
 */
export function difference(expected: unknown, found: unknown, except: ReadonlySet<string> = new Set()): string {
  const lines: string[] = [];
  compare(expected, found, "", (path, one, other) => {
    if (except.has(path)) return;
    if (one !== undefined) lines.push(`- ${path}: ${text(one)}`);
    if (other !== undefined) lines.push(`+ ${path}: ${text(other)}`);
  });
  return lines.length > mostLines
    ? `${lines.slice(0, mostLines).join("\n")}\n… and ${lines.length - mostLines} lines more`
    : lines.join("\n");
}

const mostLines = 40;

/** The places where two values differ: `snapshot[0].count`. */
export function placesOfDifference(one: unknown, other: unknown): Set<string> {
  const places = new Set<string>();
  compare(one, other, "", (path) => places.add(path));
  return places;
}

type Tell = (path: string, expected: unknown, found: unknown) => void;

function compare(expected: unknown, found: unknown, path: string, tell: Tell): void {
  if (isDeepStrictEqual(expected, found)) return;
  if (isContainer(expected) && isContainer(found) && Array.isArray(expected) === Array.isArray(found)) {
    for (const key of new Set([...Object.keys(expected), ...Object.keys(found)]))
      compare(
        expected[key],
        found[key],
        Array.isArray(expected) ? `${path}[${key}]` : `${path}${path && "."}${key}`,
        tell,
      );
    return;
  }
  tell(path, expected, found);
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
