import { expect, test } from "vitest";
import { audit } from "../../../src/deploy/audit.ts";
import { estimate } from "../../../src/deploy/estimate.ts";
import type { TaskRecord } from "../../../src/engine/audit.ts";
import type { TaskDurations } from "../../../src/engine/durations.ts";

const now = Date.parse("2026-06-01T00:00:00Z");
const blameless: TaskRecord = {
  task: "mail",
  kind: "short",
  timeLimitMs: 30_000,
  afterCrash: "hold",
  overruns: 0,
  crashes: 0,
  heldAfterCrash: 0,
  blocked: 0,
  lengthened: 0,
  deploys: 20,
  interruptions: 0,
  strays: [],
  firstSeen: new Date("2026-01-01T00:00:00Z"),
};
const quick: TaskDurations = { task: "mail", runs: 1_000, median: 20, p90: 40, p99: 90, longest: 400 };
const interruptible = { ...blameless, kind: "interruptible", timeLimitMs: null, afterCrash: null } as const;

test.each<[string, TaskRecord, TaskDurations, string[]]>([
  ["a task that is quick and always ends", blameless, quick, []],
  ["a 99th percentile near the limit", blameless, { ...quick, p99: 21_000, longest: 22_000 }, ["near-limit"]],
  ["the same from too few runs to know", blameless, { ...quick, runs: 5, p99: 21_000, longest: 22_000 }, []],
  ["a run beyond the limit", blameless, { ...quick, longest: 31_000 }, ["over-limit"]],
  ["an overrun on record", { ...blameless, overruns: 1 }, quick, ["over-limit"]],
  ["a deploy that was given up for it", { ...blameless, blocked: 1, lengthened: 9 }, quick, ["blocks-deploys"]],
  ["deploys that waited for it", { ...blameless, lengthened: 3 }, quick, ["lengthens-deploys"]],
  ["one deploy that waited for it", { ...blameless, lengthened: 1 }, quick, []],
  ["jobs held after a crash", { ...blameless, heldAfterCrash: 2 }, quick, ["held-after-crash"]],
  ["an interruptible task that never was interrupted", interruptible, quick, ["never-interrupted"]],
  ["the same, new", { ...interruptible, firstSeen: new Date(now - 3_600_000) }, quick, []],
  [
    "one that enqueues outside its context",
    { ...interruptible, interruptions: 1, strays: ["mail"] },
    quick,
    ["stray-children"],
  ],
  ["one that was", { ...interruptible, interruptions: 1 }, quick, []],
])("%s", (_, record, durations, rules) => {
  const findings = audit([record], [durations], now);
  expect(findings.map(({ rule }) => rule)).toEqual(rules);
  for (const { advice, message } of findings) expect([advice, message]).not.toContain("");
});

test("the estimate is the time limit at most, and what such runs have usually taken; unknown where one is beyond both", () => {
  const attempt = { fleet: "taskmaster", job: "1", task: "mail", kind: "short", process: "1", where: "h:1" } as const;
  const running = (ranMs: number) => ({ ...attempt, ranMs, since: new Date(), limitMs: 30_000 });
  expect(estimate([], [])).toEqual({ longestMs: 0, expectedMs: 0 });
  expect(estimate([running(10), running(50)], [quick])).toEqual({ longestMs: 29_990, expectedMs: 40 });
  expect(estimate([running(500)], [quick])).toEqual({ longestMs: 29_500, expectedMs: undefined });
  expect(estimate([running(31_000)], [quick])).toEqual({ longestMs: undefined, expectedMs: undefined });
  expect(estimate([running(10)], [])).toEqual({ longestMs: 29_990, expectedMs: undefined });
});
