import { readFileSync } from "node:fs";
import type { Effect } from "./tracked-run.ts";

/**
 * Lines of a task between two of its effects, where something is done that no driver has told of: a mail that is put into an array, say. Read
 * from the source, roughly: brackets, texts and comments are told apart, and no more.
 */
export interface Suspect {
  /** `/app/tasks.ts:13:5` */
  readonly where: string;
  readonly text: string;
}

interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** The first is the likeliest. Empty where the source does not tell. */
export function suspectsBetween(before: Effect | undefined, effect: Effect): Suspect[] {
  const from = before && placeOf(before.where);
  const to = placeOf(effect.where);
  const file = to?.file ?? from?.file;
  if (file === undefined || (from && to && from.file !== to.file)) return [];
  const source = read(file);
  if (source === undefined) return [];
  const lines = source.split("\n");
  const depths = depthAtLineStarts(source);
  const begin = from ? endOfStatement(depths, from.line) + 1 : startOfFunction(depths, to?.line ?? 1) + 1;
  const end = to ? to.line - 1 : endOfFunction(depths, from?.line ?? 1) - 1;
  const between = worthTelling(lines, file, begin, end);
  if (between.length > 0) return between;
  // Nothing lies between: it is in what the effect itself has run, such as a step's function.
  return to ? worthTelling(lines, file, to.line + 1, endOfStatement(depths, to.line)) : [];
}

function worthTelling(lines: readonly string[], file: string, begin: number, end: number): Suspect[] {
  const found: Suspect[] = [];
  for (let line = begin; line <= end; line++) {
    const text = lines[line - 1] ?? "";
    const trimmed = text.trim();
    // Something is done where something is called, counted or assigned to.
    if (/^(\/\/|\*|\/\*|import\b)/.test(trimmed) || !/\(|\+\+|--|(?<![=!<>])=(?![=>])/.test(trimmed)) continue;
    found.push({ where: `${file}:${line}:${text.length - text.trimStart().length + 1}`, text: trimmed });
  }
  return found;
}

function placeOf(where: string): Place | undefined {
  const [, file, line, column] = /^(.*):(\d+):(\d+)$/.exec(where) ?? [];
  return file === undefined ? undefined : { file, line: Number(line), column: Number(column) };
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined; // a bundle's file, say, of which the stack tells and which is not here
  }
}

/** How many brackets are open where each line begins; one more at the end. */
function depthAtLineStarts(source: string): number[] {
  const depths = [0];
  let depth = 0;
  const tokens = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|[()[\]{}]|\n/g;
  for (const [token] of source.matchAll(tokens)) {
    if (token === "\n") depths.push(depth);
    else if ("([{".includes(token)) depth++;
    else if (")]}".includes(token)) depth--;
    else for (const character of token) if (character === "\n") depths.push(depth);
  }
  depths.push(depth);
  return depths;
}

/** The last line of what begins on a line. */
function endOfStatement(depths: readonly number[], line: number): number {
  const depth = depths[line - 1] ?? 0;
  let end = line;
  while (end < depths.length - 1 && (depths[end] ?? 0) > depth) end++;
  return end;
}

/** The line that opens the function around a line, or the nearest brackets. */
function startOfFunction(depths: readonly number[], line: number): number {
  const depth = depths[line - 1] ?? 0;
  let start = line;
  while (start > 1 && (depths[start - 1] ?? 0) >= depth) start--;
  return start;
}

function endOfFunction(depths: readonly number[], line: number): number {
  const depth = depths[line - 1] ?? 0;
  let end = line;
  while (end < depths.length - 1 && (depths[end] ?? 0) >= depth) end++;
  return end;
}
