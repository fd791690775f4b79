import { lastCodePoint, type Pattern, parsePattern, type Range } from "./pattern.ts";

/** Regular expressions as automata: whether a text exists that some of them match and others do not, and which. */

interface State {
  readonly free: number[];
  readonly onlyAtStart: number[];
  readonly onlyAtEnd: number[];
  readonly edges: { readonly ranges: readonly Range[]; readonly to: number }[];
}

export interface Automaton {
  readonly id: number;
  readonly states: readonly State[];
  readonly start: number;
  readonly accept: number;
  /** False where it takes more than the pattern does: look-arounds and back references are read over. */
  readonly exact: boolean;
}

export type TextSearch = { readonly found: string } | "none" | "unknown";

const anyCharacter: readonly Range[] = [[0, lastCodePoint]];
const maxStates = 4_000;
const maxWork = 80_000;

/** Thrown and caught in this file alone. */
class TooLarge extends Error {}

class Builder {
  readonly states: State[] = [];
  exact = true;

  state(): number {
    if (this.states.length >= maxStates) throw new TooLarge();
    return this.states.push({ free: [], onlyAtStart: [], onlyAtEnd: [], edges: [] }) - 1;
  }

  at(index: number): State {
    const state = this.states[index];
    if (state === undefined) throw new TooLarge();
    return state;
  }

  /** Adds a pattern behind `from`; answers the state behind it. */
  add(pattern: Pattern, from: number): number {
    const to = this.state();
    switch (pattern.kind) {
      case "set":
        this.at(from).edges.push({ ranges: pattern.ranges, to });
        break;
      case "class":
        this.exact = false;
        this.at(from).edges.push({ ranges: anyCharacter, to });
        break;
      case "sequence":
        this.at(pattern.parts.reduce((at, part) => this.add(part, at), from)).free.push(to);
        break;
      case "choice":
        for (const option of pattern.options) this.at(this.add(option, from)).free.push(to);
        break;
      case "repeat":
        this.#repeat(pattern, from, to);
        break;
      case "group":
        this.at(this.add(pattern.part, from)).free.push(to);
        break;
      case "start":
        this.at(from).onlyAtStart.push(to);
        break;
      case "end":
        this.at(from).onlyAtEnd.push(to);
        break;
      case "look":
      case "boundary":
        this.exact = false;
        this.at(from).free.push(to);
        break;
      case "again":
        this.exact = false;
        this.at(from).free.push(to);
        this.at(to).edges.push({ ranges: anyCharacter, to });
        break;
    }
    return to;
  }

  #repeat({ part, min, max }: Extract<Pattern, { kind: "repeat" }>, from: number, to: number): void {
    let at = from;
    for (let round = 0; round < min; round++) at = this.add(part, at);
    if (max === Number.POSITIVE_INFINITY) {
      const loop = this.state();
      this.at(at).free.push(loop);
      this.at(this.add(part, loop)).free.push(loop);
      this.at(loop).free.push(to);
      return;
    }
    this.at(at).free.push(to);
    for (let round = min; round < max; round++) {
      // A state of its own before each round, so that leaving and going on do not share one.
      const next = this.add(part, at);
      this.at(next).free.push(to);
      at = next;
    }
  }
}

let built = 0;

function build(make: (builder: Builder) => { readonly start: number; readonly accept: number }): Automaton | undefined {
  const builder = new Builder();
  try {
    const { start, accept } = make(builder);
    return { id: ++built, states: builder.states, start, accept, exact: builder.exact };
  } catch (error) {
    if (error instanceof TooLarge) return;
    throw error;
  }
}

const cache = new Map<string, Automaton | undefined>();

function cached(key: string, make: () => Automaton | undefined): Automaton | undefined {
  if (cache.has(key)) return cache.get(key);
  if (cache.size > 500) cache.clear();
  const automaton = make();
  cache.set(key, automaton);
  return automaton;
}

/** The texts in which a pattern matches somewhere. */
export function textsMatching(source: string): Automaton | undefined {
  return cached(`p${source}`, () => {
    const pattern = parsePattern(source);
    if (pattern === undefined) return;
    return build((builder) => {
      const start = builder.state();
      builder.at(start).edges.push({ ranges: anyCharacter, to: start });
      const accept = builder.add(pattern, start);
      builder.at(accept).edges.push({ ranges: anyCharacter, to: accept });
      return { start, accept };
    });
  });
}

export function textsOfLength(min: number, max: number): Automaton | undefined {
  return cached(`l${min},${max}`, () => {
    const any: Pattern = { kind: "set", ranges: anyCharacter };
    return build((builder) => {
      const start = builder.state();
      const end = builder.add({ kind: "repeat", part: any, min, max, lazy: false }, start);
      const accept = builder.state();
      builder.at(end).onlyAtEnd.push(accept);
      return { start, accept };
    });
  });
}

export function exactly(text: string): Automaton | undefined {
  return cached(`t${text}`, () => {
    const parts: Pattern[] = [...text].map((character) => {
      const code = character.codePointAt(0) ?? 0;
      return { kind: "set", ranges: [[code, code]] };
    });
    return build((builder) => {
      const start = builder.state();
      const end = builder.add({ kind: "sequence", parts }, start);
      const accept = builder.state();
      builder.at(end).onlyAtEnd.push(accept);
      return { start, accept };
    });
  });
}

const searches = new Map<string, TextSearch>();

/** The shortest text that all of `inside` take and none of `outside`. */
export function findText(inside: readonly Automaton[], outside: readonly Automaton[]): TextSearch {
  if (outside.some((automaton) => !automaton.exact)) return "unknown";
  const key = `${inside.map(({ id }) => id)}/${outside.map(({ id }) => id)}`;
  const known = searches.get(key);
  if (known !== undefined) return known;
  if (searches.size > 2_000) searches.clear();
  const result = search(inside, outside);
  searches.set(key, result);
  return result;
}

function search(inside: readonly Automaton[], outside: readonly Automaton[]): TextSearch {
  const automata = [...inside, ...outside];
  const letters = alphabet(automata);
  const first = automata.map((automaton) => closure(automaton, [automaton.start], true));
  const seen = new Set([keyOf(first)]);
  let level: { readonly sets: readonly (readonly number[])[]; readonly text: string }[] = [{ sets: first, text: "" }];
  let work = 0;
  for (let isStart = true; level.length > 0; isStart = false) {
    const next: typeof level = [];
    for (const { sets, text } of level) {
      if (
        automata.every((automaton, index) => accepts(automaton, sets[index] ?? [], isStart) === index < inside.length)
      )
        return { found: text };
      for (const letter of letters) {
        const moved = automata.map((automaton, index) => move(automaton, sets[index] ?? [], letter));
        work += moved.reduce((sum, set) => sum + set.length, 1);
        if (work > maxWork) return "unknown";
        if (moved.some((set, index) => set.length === 0 && index < inside.length)) continue;
        const key = keyOf(moved);
        if (seen.has(key)) continue;
        seen.add(key);
        next.push({ sets: moved, text: text + String.fromCodePoint(letter) });
      }
    }
    level = next;
  }
  return "none";
}

function keyOf(sets: readonly (readonly number[])[]): string {
  return sets.map((set) => set.join()).join("|");
}

function closure({ states }: Automaton, from: readonly number[], atStart: boolean, atEnd = false): readonly number[] {
  const seen = new Set(from);
  const waiting = [...from];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    const state = states[at];
    if (state === undefined) continue;
    for (const to of [...state.free, ...(atStart ? state.onlyAtStart : []), ...(atEnd ? state.onlyAtEnd : [])])
      if (!seen.has(to)) {
        seen.add(to);
        waiting.push(to);
      }
  }
  return [...seen].sort((one, other) => one - other);
}

function move(automaton: Automaton, from: readonly number[], letter: number): readonly number[] {
  const to = new Set<number>();
  for (const at of from)
    for (const edge of automaton.states[at]?.edges ?? [])
      if (edge.ranges.some(([low, high]) => low <= letter && letter <= high)) to.add(edge.to);
  return to.size === 0 ? [] : closure(automaton, [...to], false);
}

function accepts(automaton: Automaton, set: readonly number[], atStart: boolean): boolean {
  return set.includes(automaton.accept) || closure(automaton, set, atStart, true).includes(automaton.accept);
}

const surrogates: Range = [0xd800, 0xdfff];
const friendly = [..."abcxyzABC0123456789 -_.@/:"].map((character) => character.codePointAt(0) ?? 97);

/** One character for each set of characters that no automaton tells apart, the readable ones first. */
function alphabet(automata: readonly Automaton[]): readonly number[] {
  const ranges = new Map<string, readonly Range[]>();
  for (const { states } of automata)
    for (const { edges } of states) for (const edge of edges) ranges.set(edge.ranges.join(";"), edge.ranges);
  const sets = [...ranges.values()];
  const cuts = new Set([0, surrogates[0], surrogates[1] + 1]);
  for (const set of sets)
    for (const [from, to] of set) {
      cuts.add(from);
      cuts.add(to + 1);
    }
  const starts = [...cuts].filter((cut) => cut <= lastCodePoint && (cut < surrogates[0] || cut > surrogates[1]));
  const byKind = new Map<string, number>();
  for (const letter of [...friendly, ...starts.sort((one, other) => one - other)]) {
    const kind = sets.map((set) => (set.some(([from, to]) => from <= letter && letter <= to) ? "1" : "0")).join("");
    if (!byKind.has(kind)) byKind.set(kind, letter);
  }
  return [...byKind.values()];
}
