import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkRules } from "../../src/check/rules.ts";
import { jobStates } from "../../src/engine/jobs.ts";
import { rules } from "../../src/lint/plugin.ts";
import { root } from "./fences.ts";

/** All that our sources say with a pattern's first group, without a file. */
function inSources(pattern: RegExp, except = ""): string[] {
  const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" }).filter((name) =>
    /\.(ts|js)$/.test(name),
  );
  const found = files
    .filter((name) => name !== except)
    .flatMap((name) =>
      [...readFileSync(join(root, "src", name), "utf8").matchAll(pattern)].map(([, what = ""]) => what),
    );
  return [...new Set(found)].sort();
}

/** What the first column of a page's tables lists. */
function listed(page: string, what: RegExp): string[] {
  const rows = readFileSync(join(root, "docs", page), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("| "));
  const cells = rows
    .flatMap((row) => (row.split("|")[1] ?? "").split(","))
    .map((cell) => cell.replaceAll("`", "").trim());
  return cells.filter((cell) => what.test(cell)).sort();
}

test("docs/errors.md lists every error, once", () => {
  const codes = inSources(/\bcode = "(TASKMASTER_[A-Z_]+)"/g);
  expect(codes.length).toBeGreaterThan(20);
  expect(listed("errors.md", /^TASKMASTER_/)).toEqual(codes);
});

test("docs/workers.md lists every event that is published, once", () => {
  const events = inSources(/\bevent: "([a-z]+\.[a-z-]+)"/g, "engine/events.ts");
  expect(events.length).toBeGreaterThan(15);
  expect(listed("workers.md", /^[a-z]+\.[a-z-]+$/)).toEqual(events);
});

test("docs/jobs.md lists every state of a job, and every reason to hold one", () => {
  expect(listed("jobs.md", /^(waiting|scheduled|retrying|running|succeeded|failed|held|cancelled)$/)).toEqual(
    [...jobStates].sort(),
  );
  const reasons = [
    ...inSources(/state: "held",\s+reason: "([a-z-]+)"/g),
    ...inSources(/\bhold\(\s*"([a-z-]+)"/g),
    ...inSources(/else '([a-z-]+)' end as reason/g),
    ...inSources(/when killer then '([a-z-]+)'/g),
  ];
  expect(listed("jobs.md", /^[a-z]+-[a-z-]+$/)).toEqual([...new Set(reasons)].sort());
});

test("docs/check.md lists every rule of the check, once", () => {
  expect(listed("check.md", /^[a-z]+-[a-z-]+$/)).toEqual(Object.keys(checkRules).sort());
});

test("docs/lint.md has a section for every rule", () => {
  const page = readFileSync(join(root, "docs/lint.md"), "utf8");
  const sections = [...page.matchAll(/^## ([a-z]+-[a-z-]+)$/gm)].map(([, name]) => name);
  expect(sections).toEqual(Object.keys(rules));
});
