/**
 * Regular expressions as JSON Schema uses them (ECMAScript's, searched anywhere in the text), read into a tree of our
 * own: the tree can be matched within a budget of steps, where RegExp itself can hang, and be turned into an automaton.
 */

export type Pattern =
  | { readonly kind: "set"; readonly ranges: readonly Range[] }
  /** Characters that only RegExp knows, such as \p{L}. */
  | { readonly kind: "class"; readonly test: RegExp }
  | { readonly kind: "sequence"; readonly parts: readonly Pattern[] }
  | { readonly kind: "choice"; readonly options: readonly Pattern[] }
  | {
      readonly kind: "repeat";
      readonly part: Pattern;
      readonly min: number;
      readonly max: number;
      readonly lazy: boolean;
    }
  | { readonly kind: "group"; readonly part: Pattern; readonly index: number }
  | { readonly kind: "look"; readonly part: Pattern; readonly negative: boolean; readonly behind: boolean }
  | { readonly kind: "again"; readonly index: number }
  | { readonly kind: "start" }
  | { readonly kind: "end" }
  | { readonly kind: "boundary"; readonly negative: boolean };

export type Range = readonly [from: number, to: number];

export const lastCodePoint = 0x10ffff;

/** Longer ones are not read: nobody's payload needs them, and every step over them costs. */
const maxLength = 2_000;

const cache = new Map<string, Pattern | undefined>();

/** Undefined where the source is no regular expression, or one that this reader does not know. */
export function parsePattern(source: string): Pattern | undefined {
  if (cache.has(source)) return cache.get(source);
  if (cache.size > 2_000) cache.clear();
  const pattern = parse(source);
  cache.set(source, pattern);
  return pattern;
}

function parse(source: string): Pattern | undefined {
  if (source.length > maxLength || !(compiles(source, "u") || compiles(source, ""))) return;
  try {
    const reader = new Reader(source);
    const pattern = reader.choice();
    return reader.isDone ? pattern : undefined;
  } catch (error) {
    if (error instanceof UnknownSyntax) return;
    throw error;
  }
}

function compiles(source: string, flags: string): boolean {
  try {
    new RegExp(source, flags);
    return true;
  } catch {
    return false;
  }
}

/** Thrown and caught in this file alone. */
class UnknownSyntax extends Error {}

const digits: readonly Range[] = [[48, 57]];
const wordCharacters: readonly Range[] = [
  [48, 57],
  [65, 90],
  [95, 95],
  [97, 122],
];
const spaces: readonly Range[] = [
  [9, 13],
  [32, 32],
  [160, 160],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];
const lineEnds: readonly Range[] = [
  [10, 10],
  [13, 13],
  [0x2028, 0x2029],
];

function inverted(ranges: readonly Range[]): readonly Range[] {
  const holes: Range[] = [];
  let next = 0;
  for (const [from, to] of [...ranges].sort((one, other) => one[0] - other[0])) {
    if (from > next) holes.push([next, from - 1]);
    next = Math.max(next, to + 1);
  }
  if (next <= lastCodePoint) holes.push([next, lastCodePoint]);
  return holes;
}

const classes: { readonly [letter: string]: readonly Range[] } = {
  d: digits,
  D: inverted(digits),
  w: wordCharacters,
  W: inverted(wordCharacters),
  s: spaces,
  S: inverted(spaces),
};
const controls: { readonly [letter: string]: number } = { t: 9, n: 10, v: 11, f: 12, r: 13, "0": 0 };

/** Nested deeper than this, a pattern is a trap. */
const maxDepth = 60;

class Reader {
  readonly #characters: readonly string[];
  #at = 0;
  #groups = 0;
  #depth = 0;

  constructor(source: string) {
    this.#characters = [...source];
  }

  get isDone(): boolean {
    return this.#at === this.#characters.length;
  }

  choice(): Pattern {
    if (++this.#depth > maxDepth) throw new UnknownSyntax();
    const options = [this.#sequence()];
    while (this.#accept("|")) options.push(this.#sequence());
    this.#depth--;
    return options.length === 1 && options[0] !== undefined ? options[0] : { kind: "choice", options };
  }

  #sequence(): Pattern {
    const parts: Pattern[] = [];
    while (!this.isDone && this.#peek() !== "|" && this.#peek() !== ")") parts.push(this.#repeated(this.#atom()));
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : { kind: "sequence", parts };
  }

  #repeated(part: Pattern): Pattern {
    const bounds = this.#bounds();
    if (bounds === undefined) return part;
    const [min, max] = bounds;
    const lazy = this.#accept("?");
    if (part.kind === "look" || part.kind === "start" || part.kind === "end") throw new UnknownSyntax();
    return { kind: "repeat", part, min, max, lazy };
  }

  #bounds(): readonly [number, number] | undefined {
    if (this.#accept("*")) return [0, Number.POSITIVE_INFINITY];
    if (this.#accept("+")) return [1, Number.POSITIVE_INFINITY];
    if (this.#accept("?")) return [0, 1];
    if (this.#peek() !== "{") return;
    const text = this.#characters.slice(this.#at, this.#at + 24).join("");
    const found = /^\{(\d+)(,(\d*))?\}/.exec(text);
    if (found === null) return;
    this.#at += found[0].length;
    const min = Number(found[1]);
    const max = found[2] === undefined ? min : found[3] === "" ? Number.POSITIVE_INFINITY : Number(found[3]);
    return [min, max];
  }

  #atom(): Pattern {
    const character = this.#next();
    switch (character) {
      case "^":
        return { kind: "start" };
      case "$":
        return { kind: "end" };
      case ".":
        return { kind: "set", ranges: inverted(lineEnds) };
      case "(":
        return this.#group();
      case "[":
        return this.#characterClass();
      case "\\":
        return this.#escape();
      case "*":
      case "+":
      case "?":
        throw new UnknownSyntax();
      default:
        return literal(character);
    }
  }

  #group(): Pattern {
    if (!this.#accept("?")) {
      const index = ++this.#groups;
      return { kind: "group", part: this.#closed(), index };
    }
    if (this.#accept(":")) return this.#closed();
    const behind = this.#accept("<");
    if (this.#accept("=")) return { kind: "look", part: this.#closed(), negative: false, behind };
    if (this.#accept("!")) return { kind: "look", part: this.#closed(), negative: true, behind };
    if (!behind) throw new UnknownSyntax();
    while (this.#next() !== ">") if (this.isDone) throw new UnknownSyntax();
    const index = ++this.#groups;
    return { kind: "group", part: this.#closed(), index };
  }

  #closed(): Pattern {
    const part = this.choice();
    if (!this.#accept(")")) throw new UnknownSyntax();
    return part;
  }

  #escape(): Pattern {
    const letter = this.#peek();
    if (letter === "b" || letter === "B") {
      this.#at++;
      return { kind: "boundary", negative: letter === "B" };
    }
    if (letter !== undefined && /[1-9]/.test(letter)) return this.#backReference();
    if (letter === "k") throw new UnknownSyntax();
    if (letter === "p" || letter === "P") return { kind: "class", test: this.#unicodeProperty() };
    const ranges = this.#escapedRanges();
    return { kind: "set", ranges };
  }

  #backReference(): Pattern {
    let number = "";
    while (/\d/.test(this.#peek() ?? "")) number += this.#next();
    return { kind: "again", index: Number(number) };
  }

  #unicodeProperty(): RegExp {
    const text = this.#characters.slice(this.#at).join("");
    const found = /^[pP]\{[A-Za-z_0-9=]+\}/.exec(text);
    if (found === null || !compiles(`\\${found[0]}`, "u")) throw new UnknownSyntax();
    this.#at += found[0].length;
    return new RegExp(`^\\${found[0]}$`, "u");
  }

  /** After a backslash: a class, a control character, a code, or the character itself. */
  #escapedRanges(): readonly Range[] {
    const letter = this.#next();
    const named = Object.hasOwn(classes, letter) ? classes[letter] : undefined;
    if (named !== undefined) return named;
    if (letter === "0" && /\d/.test(this.#peek() ?? "")) throw new UnknownSyntax();
    const control = Object.hasOwn(controls, letter) ? controls[letter] : undefined;
    if (control !== undefined) return [[control, control]];
    if (letter === "x") return this.#hexadecimal(2);
    if (letter === "u" && this.#accept("{")) {
      let number = "";
      while (this.#peek() !== "}") number += this.#next();
      this.#at++;
      const code = Number.parseInt(number, 16);
      return [[code, code]];
    }
    if (letter === "u") return this.#hexadecimal(4);
    if (/[A-Za-z0-9]/.test(letter)) throw new UnknownSyntax();
    return codeOf(letter);
  }

  #hexadecimal(length: number): readonly Range[] {
    const text = this.#characters.slice(this.#at, this.#at + length).join("");
    if (!/^[0-9a-fA-F]+$/.test(text) || text.length !== length) throw new UnknownSyntax();
    this.#at += length;
    const code = Number.parseInt(text, 16);
    // Half of a surrogate pair: how it matches depends on the flags.
    if (code >= 0xd800 && code <= 0xdfff) throw new UnknownSyntax();
    return [[code, code]];
  }

  #characterClass(): Pattern {
    const negative = this.#accept("^");
    const ranges: Range[] = [];
    while (this.#peek() !== "]") {
      const from = this.#classMember();
      if (this.#peek() === "-" && this.#characters[this.#at + 1] !== "]") {
        this.#at++;
        const to = this.#classMember();
        const [low, high] = [from[0], to[0]];
        if (from.length !== 1 || to.length !== 1 || low === undefined || high === undefined) throw new UnknownSyntax();
        if (low[0] !== low[1] || high[0] !== high[1] || low[0] > high[0]) throw new UnknownSyntax();
        ranges.push([low[0], high[0]]);
      } else ranges.push(...from);
    }
    this.#at++;
    return { kind: "set", ranges: negative ? inverted(ranges) : ranges };
  }

  #classMember(): readonly Range[] {
    const character = this.#next();
    if (character !== "\\") return codeOf(character);
    if (this.#accept("b")) return [[8, 8]];
    if (this.#peek() === "p" || this.#peek() === "P") throw new UnknownSyntax();
    return this.#escapedRanges();
  }

  #peek(): string | undefined {
    return this.#characters[this.#at];
  }

  #next(): string {
    const character = this.#characters[this.#at++];
    if (character === undefined) throw new UnknownSyntax();
    return character;
  }

  #accept(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#at++;
    return true;
  }
}

function codeOf(character: string): readonly Range[] {
  const code = character.codePointAt(0) ?? 0;
  return [[code, code]];
}

function literal(character: string): Pattern {
  return { kind: "set", ranges: codeOf(character) };
}
