import { type Pattern, parsePattern } from "./pattern.ts";
import type { Verdict } from "./truth.ts";

/** Whether a text has a place that a pattern matches, as `RegExp.test` says, but within a budget of steps. */

const maxSteps = 20_000;
const maxText = 500;

export function matches(source: string, text: string): Verdict {
  if (text.length > maxText) return "unknown";
  const key = `${source}\n${text}`;
  const known = cache.get(key);
  if (known !== undefined) return known;
  if (cache.size > 5_000) cache.clear();
  const verdict = decide(source, text);
  cache.set(key, verdict);
  return verdict;
}

/** The same samples meet the same patterns again and again. */
const cache = new Map<string, Verdict>();

function decide(source: string, text: string): Verdict {
  const pattern = parsePattern(source);
  const characters = [...text];
  if (pattern === undefined) return "unknown";
  const matcher = new Matcher(characters);
  try {
    for (let start = 0; start <= characters.length; start++) if (matcher.run(pattern, start, () => true)) return "yes";
    return "no";
  } catch (error) {
    if (error instanceof TooManySteps) return "unknown";
    throw error;
  }
}

/** Thrown and caught in this file alone. */
class TooManySteps extends Error {}

type Continue = (at: number) => boolean;

class Matcher {
  readonly #text: readonly string[];
  readonly #groups = new Map<number, readonly [number, number]>();
  #steps = 0;
  #depth = 0;

  constructor(text: readonly string[]) {
    this.#text = text;
  }

  run(pattern: Pattern, at: number, next: Continue): boolean {
    if (++this.#steps > maxSteps || this.#depth > 1_500) throw new TooManySteps();
    this.#depth++;
    const matched = this.#step(pattern, at, next);
    this.#depth--;
    return matched;
  }

  #step(pattern: Pattern, at: number, next: Continue): boolean {
    switch (pattern.kind) {
      case "set": {
        const code = this.#text[at]?.codePointAt(0);
        return code !== undefined && pattern.ranges.some(([from, to]) => from <= code && code <= to) && next(at + 1);
      }
      case "class": {
        const character = this.#text[at];
        return character !== undefined && pattern.test.test(character) && next(at + 1);
      }
      case "sequence":
        return this.#sequence(pattern.parts, 0, at, next);
      case "choice":
        return pattern.options.some((option) => this.run(option, at, next));
      case "repeat":
        return this.#repeat(pattern, 0, at, next);
      case "group":
        return this.#group(pattern, at, next);
      case "look":
        return this.#look(pattern, at) !== pattern.negative && next(at);
      case "again":
        return this.#again(pattern.index, at, next);
      case "start":
        return at === 0 && next(at);
      case "end":
        return at === this.#text.length && next(at);
      case "boundary":
        return (this.#isWord(at - 1) !== this.#isWord(at)) !== pattern.negative && next(at);
    }
  }

  #sequence(parts: readonly Pattern[], index: number, at: number, next: Continue): boolean {
    const part = parts[index];
    if (part === undefined) return next(at);
    return this.run(part, at, (end) => this.#sequence(parts, index + 1, end, next));
  }

  #repeat(pattern: Extract<Pattern, { kind: "repeat" }>, done: number, at: number, next: Continue): boolean {
    const more = () => {
      if (done >= pattern.max) return false;
      const before = this.#forget(pattern.part);
      const matched = this.run(pattern.part, at, (end) => {
        // A round that took nothing, after the demanded ones, would go round for ever.
        if (end === at && done >= pattern.min) return false;
        return this.#repeat(pattern, end === at ? Math.max(done + 1, pattern.min) : done + 1, end, next);
      });
      if (!matched) for (const [index, group] of before) this.#groups.set(index, group);
      return matched;
    };
    if (done < pattern.min) return more();
    return pattern.lazy ? next(at) || more() : more() || next(at);
  }

  /** Each round of a repetition starts with its groups unset. */
  #forget(part: Pattern): readonly (readonly [number, readonly [number, number]])[] {
    if (this.#groups.size === 0) return [];
    const inside = [...this.#groups].filter(([index]) => hasGroup(part, index));
    for (const [index] of inside) this.#groups.delete(index);
    return inside;
  }

  #group(pattern: Extract<Pattern, { kind: "group" }>, at: number, next: Continue): boolean {
    const before = this.#groups.get(pattern.index);
    const matched = this.run(pattern.part, at, (end) => {
      const inner = this.#groups.get(pattern.index);
      this.#groups.set(pattern.index, [at, end]);
      if (next(end)) return true;
      this.#restore(pattern.index, inner);
      return false;
    });
    if (!matched) this.#restore(pattern.index, before);
    return matched;
  }

  #restore(index: number, value: readonly [number, number] | undefined): void {
    if (value === undefined) this.#groups.delete(index);
    else this.#groups.set(index, value);
  }

  #look(pattern: Extract<Pattern, { kind: "look" }>, at: number): boolean {
    if (!pattern.behind) return this.run(pattern.part, at, () => true);
    for (let start = at; start >= 0; start--) if (this.run(pattern.part, start, (end) => end === at)) return true;
    return false;
  }

  #again(index: number, at: number, next: Continue): boolean {
    const [from, to] = this.#groups.get(index) ?? [0, 0];
    for (let offset = 0; offset < to - from; offset++)
      if (this.#text[at + offset] !== this.#text[from + offset]) return false;
    return next(at + to - from);
  }

  #isWord(at: number): boolean {
    return /^\w$/.test(this.#text[at] ?? "");
  }
}

function hasGroup(pattern: Pattern, index: number): boolean {
  switch (pattern.kind) {
    case "sequence":
      return pattern.parts.some((part) => hasGroup(part, index));
    case "choice":
      return pattern.options.some((option) => hasGroup(option, index));
    case "repeat":
    case "look":
      return hasGroup(pattern.part, index);
    case "group":
      return pattern.index === index || hasGroup(pattern.part, index);
    default:
      return false;
  }
}
