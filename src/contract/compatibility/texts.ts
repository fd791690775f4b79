import { type Automaton, exactly, findText, type TextSearch, textsMatching, textsOfLength } from "./automaton.ts";
import type { Branch } from "./branch.ts";
import { samplesOf } from "./formats.ts";
import { matches } from "./match.ts";

/** The texts of a branch, as automata. */

/** Longer bounds are left to plain counting. */
const maxCounted = 200;
const maxExcluded = 60;

function inside(branch: Branch): readonly Automaton[] {
  const automata = branch.patterns.map(textsMatching).filter((automaton) => automaton !== undefined);
  const max = branch.maxLength <= maxCounted ? branch.maxLength : Number.POSITIVE_INFINITY;
  const min = Math.min(branch.minLength, maxCounted);
  const counted = min > 0 || max !== Number.POSITIVE_INFINITY ? textsOfLength(min, max) : undefined;
  return counted === undefined ? automata : [...automata, counted];
}

/** Those left out only make the language larger. */
function outside({ notPatterns, excluded }: Branch): readonly Automaton[] {
  const texts = excluded.filter((value) => typeof value === "string").slice(0, maxExcluded);
  return [...notPatterns.map(textsMatching), ...texts.map(exactly)]
    .filter((automaton) => automaton !== undefined)
    .filter(({ exact }) => exact);
}

export function isEmptyText(branch: Branch): boolean {
  const rules = branch.patterns.length + branch.notPatterns.length;
  if (rules === 0 && (branch.excluded.length === 0 || branch.maxLength > 2)) return false;
  return findText(inside(branch), outside(branch)) === "none";
}

/** A text of the branch outside of all of `languages`; undefined in one of them stands for one that cannot be built. */
function findOutside(branch: Branch, languages: readonly (Automaton | undefined)[]): TextSearch {
  if (languages.some((automaton) => automaton === undefined)) return "unknown";
  return findText(inside(branch), [...outside(branch), ...(languages as Automaton[])]);
}

export function coversPattern(branch: Branch, source: string): boolean {
  return branch.patterns.includes(source) || findOutside(branch, [textsMatching(source)]) === "none";
}

export function coversNotPattern(branch: Branch, source: string): boolean {
  if (branch.notPatterns.includes(source)) return true;
  const automaton = textsMatching(source);
  return automaton !== undefined && findText([...inside(branch), automaton], outside(branch)) === "none";
}

export function coversLength(branch: Branch, min: number, max: number): boolean {
  if (branch.minLength >= min && branch.maxLength <= max) return true;
  if (branch.patterns.length === 0 || min > maxCounted || min > max) return false;
  if (max > maxCounted && max !== Number.POSITIVE_INFINITY)
    return coversLength(branch, min, Number.POSITIVE_INFINITY) && coversLength(branch, 0, maxCounted);
  return findOutside(branch, [textsOfLength(min, max)]) === "none";
}

export function coversTexts(branch: Branch, texts: readonly string[]): boolean {
  if (branch.patterns.length === 0 && branch.maxLength > 2) return false;
  return texts.length <= maxExcluded && findOutside(branch, texts.map(exactly)) === "none";
}

/** A few texts of the branch, different from each other. Whether they have its formats is for the evaluator to say. */
export function sampleTexts(branch: Branch, count = 3): readonly string[] {
  const fits = (text: string) =>
    text.length >= branch.minLength &&
    text.length <= branch.maxLength &&
    !branch.excluded.includes(text) &&
    branch.patterns.every((source) => matches(source, text) !== "no") &&
    branch.notPatterns.every((source) => matches(source, text) !== "yes");
  const samples = branch.formats.flatMap(samplesOf).filter(fits);
  if (branch.patterns.length === 0 && branch.notPatterns.length === 0) {
    const letters = [..."abcdefghij"].map((letter) => letter.repeat(Math.min(Math.max(1, branch.minLength), 5_000)));
    return [...samples, ...letters, "extra", "another", "", "0", "A b"]
      .filter(fits)
      .slice(0, Math.max(count, samples.length) + 1);
  }
  const known = [
    "a@example.com",
    "2024-02-01",
    "https://example.com/",
    "123e4567-e89b-42d3-a456-426614174000",
    "1",
    "a",
  ];
  const literals = [...branch.patterns, ...branch.notPatterns].flatMap(literalsOf);
  const found = [...new Set([...samples, ...[...literals, ...known].filter(fits)])].slice(0, 8);
  for (let round = 0; round < count; round++) {
    const next = findText(inside(branch), [
      ...outside(branch),
      ...found.map(exactly).filter((automaton) => automaton !== undefined),
    ]);
    if (next === "none" || next === "unknown") break;
    found.push(next.found);
  }
  return found.filter(fits);
}

/** What a pattern says letter by letter: where no automaton can be built, as of a look-ahead, it was written against such a text. */
function literalsOf(pattern: string): readonly string[] {
  const [classes, signs, escapes] = [/\\[A-Za-z0-9]|\[\^?[^\]]*\]|\(\?<?[:=!]/g, /(?<!\\)[{}()|^$*+?]/g, /\\/g];
  const literals = pattern.replace(classes, "\n").replace(signs, "\n").replace(escapes, "").split("\n");
  return literals.filter((text) => text !== "").slice(0, 6);
}
