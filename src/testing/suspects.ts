import { placeIn, SourceText } from "./source-text.ts";
import type { Effect } from "./tracked-run.ts";

/**
 * Lines of a task between two of its effects, where something is done that no driver has told of: a mail that is put into an array, say.
 */
export interface Suspect {
  /** `/app/tasks.ts:13:5` */
  readonly where: string;
  readonly text: string;
}

/** The first is the likeliest. Empty where the source does not tell. */
export function suspectsBetween(before: Effect | undefined, effect: Effect): Suspect[] {
  const from = before && placeIn(before.where);
  const to = placeIn(effect.where);
  const file = to?.file ?? from?.file;
  if (file === undefined || (from && to && from.file !== to.file)) return [];
  const source = SourceText.of(file);
  if (source === undefined) return [];
  const begin = from ? source.endOfStatement(from.line) + 1 : source.startOfFunction(to?.line ?? 1) + 1;
  const end = to ? to.line - 1 : source.endOfFunction(from?.line ?? 1) - 1;
  const between = worthTelling(source.lines, file, begin, end);
  if (between.length > 0) return between;
  // Nothing lies between: it is in what the effect itself has run, such as a step's function.
  return to ? worthTelling(source.lines, file, to.line + 1, source.endOfStatement(to.line)) : [];
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
