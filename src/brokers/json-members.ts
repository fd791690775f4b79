/**
 * JSON objects of other programs, changed as text: to parse and write them anew would turn `1.0` into `1` and a large integer into another one.
 */

interface Span {
  readonly from: number;
  readonly to: number;
}

const space = /[\s]*/y;
const string = /"(?:[^"\\]|\\.)*"/y;
const scalar = /[^\s,\]}]+/y;

/** The text of each member of an object, by name. @throws {SyntaxError} where it is no JSON object */
export function members(text: string): Map<string, string> {
  return new Map([...spans(text)].map(([name, { from, to }]) => [name, text.slice(from, to)]));
}

/** The same object with these members set to these JSON texts; those that it has not are added at its end. */
export function withMembers(text: string, changes: Readonly<Record<string, string>>): string {
  const found = spans(text);
  const known = Object.entries(changes).flatMap(([name, value]) => {
    const span = found.get(name);
    return span === undefined ? [] : [{ ...span, value }];
  });
  const added = Object.entries(changes).filter(([name]) => !found.has(name));
  let changed = text.trimEnd();
  const tail = added.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",");
  if (tail !== "") changed = `${changed.slice(0, -1)}${found.size > 0 ? "," : ""}${tail}}`;
  for (const { from, to, value } of known.sort((one, other) => other.from - one.from))
    changed = changed.slice(0, from) + value + changed.slice(to);
  return changed;
}

function spans(text: string): Map<string, Span> {
  const parsed: unknown = JSON.parse(text); // from here on it is well formed
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
    throw new SyntaxError("It is no JSON object.");
  const found = new Map<string, Span>();
  let at = skip(text, space, text.indexOf("{") + 1);
  while (text[at] !== "}") {
    const nameEnd = skip(text, string, at);
    const name = JSON.parse(text.slice(at, nameEnd)) as string;
    const from = skip(text, space, skip(text, space, nameEnd) + 1);
    const to = valueEnd(text, from);
    found.set(name, { from, to });
    at = skip(text, space, to);
    if (text[at] === ",") at = skip(text, space, at + 1);
  }
  return found;
}

function skip(text: string, pattern: RegExp, at: number): number {
  pattern.lastIndex = at;
  pattern.exec(text);
  return pattern.lastIndex;
}

function valueEnd(text: string, from: number): number {
  let depth = 0;
  for (let at = from; ; ) {
    const char = text[at];
    if (char === '"') at = skip(text, string, at);
    else if (char === "{" || char === "[") {
      depth += 1;
      at += 1;
    } else if (char === "}" || char === "]") {
      depth -= 1;
      at += 1;
    } else if (char === "," || char === ":" || /\s/.test(char ?? "")) at += 1;
    else at = skip(text, scalar, at);
    if (depth === 0) return at;
  }
}
