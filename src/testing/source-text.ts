import { readFileSync } from "node:fs";

/** A task's source, read roughly: brackets, texts and comments are told apart, and no more. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** `/app/tasks.ts:12:5` in its parts. */
export function placeIn(where: string): Place | undefined {
  const [, file, line, column] = /^(.*):(\d+):(\d+)$/.exec(where) ?? [];
  return file === undefined ? undefined : { file, line: Number(line), column: Number(column) };
}

export class SourceText {
  static readonly #read = new Map<string, SourceText | undefined>();
  readonly lines: readonly string[];
  /** How many brackets are open where each line begins; one more at the end. */
  readonly #depths: readonly number[];

  /** Undefined where a file cannot be read: a bundle's, say, of which the stack tells and which is not here. */
  static of(file: string): SourceText | undefined {
    if (!SourceText.#read.has(file)) SourceText.#read.set(file, read(file));
    return SourceText.#read.get(file);
  }

  /** Reads files anew: they may change between two proofs. */
  static forget(): void {
    SourceText.#read.clear();
  }

  constructor(text: string) {
    this.lines = text.split("\n");
    this.#depths = depthAtLineStarts(text);
  }

  /** The last line of what begins on a line. */
  endOfStatement(line: number): number {
    const depth = this.#depths[line - 1] ?? 0;
    let end = line;
    while (end < this.#depths.length - 1 && (this.#depths[end] ?? 0) > depth) end++;
    return end;
  }

  /** The line that opens the function around a line, or the nearest brackets. */
  startOfFunction(line: number): number {
    const depth = this.#depths[line - 1] ?? 0;
    let start = line;
    while (start > 1 && (this.#depths[start - 1] ?? 0) >= depth) start--;
    return start;
  }

  endOfFunction(line: number): number {
    const depth = this.#depths[line - 1] ?? 0;
    let end = line;
    while (end < this.#depths.length - 1 && (this.#depths[end] ?? 0) >= depth) end++;
    return end;
  }

  /** Whether a call is all that its function does: `(payload, ctx) => run(payload, ctx)`. */
  isForwarding({ line, column }: Place): boolean {
    const before = `${this.lines[line - 2] ?? ""}\n${(this.lines[line - 1] ?? "").slice(0, column - 1)}`;
    const [, opening] =
      /(=>|=>\s*\{|\)\s*(?::[^(){}]*)?\{)\s*(?:return\s+)?(?:await\s+)?[\w$.!?[\]]*$/.exec(before) ?? [];
    if (opening === undefined) return false;
    const after = [(this.lines[line - 1] ?? "").slice(column - 1), ...this.lines.slice(line, line + 20)].join("\n");
    const rest = behindCall(after);
    return (opening === "=>" ? /^(?:\s+as\s+\w+)?\s*(?:[)},\];]|\n|$)/ : /^\s*;?\s*\}/).test(rest ?? "no call");
  }
}

function read(file: string): SourceText | undefined {
  try {
    return new SourceText(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

const token = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|[()[\]{}]|\n/g;

function depthAtLineStarts(source: string): number[] {
  const depths = [0];
  let depth = 0;
  for (const [found] of source.matchAll(token)) {
    if (found === "\n") depths.push(depth);
    else if ("([{".includes(found)) depth++;
    else if (")]}".includes(found)) depth--;
    else for (const character of found) if (character === "\n") depths.push(depth);
  }
  depths.push(depth);
  return depths;
}

/** What stands behind the call with which a text begins. */
function behindCall(text: string): string | undefined {
  const start = /^[\w$.!?[\]]*\(/.exec(text)?.[0].length;
  if (start === undefined) return undefined;
  let depth = 1;
  for (const { 0: found, index } of text.slice(start).matchAll(token)) {
    if ("([{".includes(found)) depth++;
    else if (")]}".includes(found)) depth--;
    if (depth === 0) return text.slice(start + index + 1);
  }
  return undefined;
}
