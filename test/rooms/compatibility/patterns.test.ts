import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findText, textsMatching } from "../../../src/contract/compatibility/automaton.ts";
import { compareSchemas } from "../../../src/contract/compatibility/compatibility.ts";
import { matches } from "../../../src/contract/compatibility/match.ts";

fc.configureGlobal({ seed: Number(process.env.SEED ?? 1) });

const atom = fc.constantFrom(
  "a",
  "b",
  "c",
  ".",
  "[ab]",
  "[^a]",
  "\\d",
  "\\w",
  "\\.",
  "^",
  "$",
  "\\b",
  "(?=a)",
  "(?!b)",
  "(?<=a)",
);
const sources = fc
  .letrec<{ node: string }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 3 },
      atom,
      fc.tuple(tie("node"), tie("node")).map(([one, other]) => one + other),
      fc.tuple(tie("node"), tie("node")).map(([one, other]) => `(?:${one}|${other})`),
      fc
        .tuple(tie("node"), fc.constantFrom("*", "+", "?", "{2}", "{1,2}", "*?"))
        .map(([one, many]) => `(${one})${many}`),
      tie("node").map((one) => `(${one})\\1`),
    ),
  }))
  .node.filter((source) => {
    try {
      return new RegExp(source, "u") !== undefined && (source.match(/\\1/g)?.length ?? 0) <= 1;
    } catch {
      return false;
    }
  });
const texts = fc.string({ unit: fc.constantFrom("a", "b", "c", ".", "1", " ", "\n"), maxLength: 6 });

test("matching says what RegExp says", () => {
  let known = 0;
  fc.assert(
    fc.property(sources, fc.array(texts, { minLength: 10, maxLength: 10 }), (source, candidates) => {
      for (const text of candidates) {
        const verdict = matches(source, text);
        if (verdict === "unknown") continue;
        known++;
        expect([source, text, verdict]).toEqual([source, text, new RegExp(source, "u").test(text) ? "yes" : "no"]);
      }
    }),
    { numRuns: Number(process.env.RUNS ?? 1_000) },
  );
  expect(known).toBeGreaterThan(5_000);
});

test("an automaton finds a text that the one matches and the other does not, or there is none", () => {
  fc.assert(
    fc.property(sources, sources, fc.array(texts, { minLength: 20, maxLength: 20 }), (one, other, candidates) => {
      const [inside, outside] = [textsMatching(one), textsMatching(other)];
      if (inside === undefined || outside === undefined) return;
      const result = findText([inside], [outside]);
      const fits = (text: string) => new RegExp(one, "u").test(text) && !new RegExp(other, "u").test(text);
      if (result === "none") expect(candidates.filter(fits)).toEqual([]);
      else if (result !== "unknown" && inside.exact) expect(fits(result.found)).toBe(true);
    }),
    { numRuns: Number(process.env.RUNS ?? 600) },
  );
});

describe("patterns are compared by what they match", () => {
  const verdicts = (older: object, newer: object) => {
    const { backward, forward } = compareSchemas({ type: "string", ...older }, { type: "string", ...newer });
    return [backward.verdict, forward.verdict];
  };
  test.each<readonly [object, object, readonly [string, string]]>([
    [{ pattern: "^[a-z]+$" }, { pattern: "^[a-z0-9]+$" }, ["yes", "no"]],
    [{ pattern: "^(a|b)$" }, { enum: ["a", "b"] }, ["yes", "yes"]],
    [{ pattern: "^[a-z]{2,4}$" }, { minLength: 2, maxLength: 4 }, ["yes", "no"]],
    [{ pattern: "^\\d{5}$" }, { pattern: "^\\d{5}(-\\d{4})?$" }, ["yes", "no"]],
    [{}, { pattern: "" }, ["yes", "yes"]],
    [{}, { pattern: ".*" }, ["yes", "yes"]],
    [{}, { pattern: "^.*$" }, ["no", "yes"]],
    [{ maxLength: 3, pattern: "^a*$" }, { enum: ["", "a", "aa", "aaa"] }, ["yes", "yes"]],
    [{ pattern: "^a", minLength: 2 }, { pattern: "^a." }, ["no", "yes"]],
    [{ pattern: "^(?!x)a$" }, { pattern: "^a$" }, ["yes", "unknown"]],
    [{ pattern: "^(?!x)b?a$" }, { pattern: "^(?!y)b?a$" }, ["unknown", "unknown"]],
    [{ pattern: "(a)\\1" }, { pattern: "(a)\\1", minLength: 1 }, ["yes", "yes"]],
    [{ pattern: "^a$" }, { pattern: "^b$" }, ["no", "no"]],
    [{ pattern: "^a", minLength: 3, maxLength: 3 }, { pattern: "^a", minLength: 3, maxLength: 2 }, ["no", "yes"]],
  ])("%j, %j", (older, newer, expected) => expect(verdicts(older, newer)).toEqual(expected));
});
