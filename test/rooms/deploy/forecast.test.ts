import { expect, test } from "vitest";
import { drainAt, drainNow, moments, type Traffic } from "../../../src/deploy/forecast.ts";

const now = Date.parse("2026-06-01T10:00:00Z");
const quiet: Traffic = { paces: [], running: [], due: [], ticks: [] };
/** A task whose runs take from 1 to 3 s, all lengths as often. */
const even = { task: "mail", quantiles: Array.from({ length: 21 }, (_, index) => 1_000 + index * 100) };

test("where nothing runs, nothing is waited for", () => {
  expect(drainNow(quiet, now)).toEqual({ expectedMs: 0, p90Ms: 0 });
  expect(drainAt(quiet, now)).toEqual({ expectedMs: 0, p90Ms: 0 });
});

test("what runs now takes what is left of such runs: those that have ended by then do not count", () => {
  const ran = (ms: number, limitMs = 30_000) => ({
    ...quiet,
    paces: [{ ...even, runs: 100, seconds: 3_600 }],
    running: [{ task: "mail", job: "1", since: new Date(now - ms), limitMs }],
  });
  const fresh = drainNow(ran(0), now);
  expect(fresh.expectedMs).toBeCloseTo(2_000, -2);
  expect(fresh.p90Ms).toBeCloseTo(2_800, -2);
  const late = drainNow(ran(2_000), now); // evenly between 2 and 3 s, so half a second is left
  expect(late.expectedMs).toBeCloseTo(500, -2);
  expect(drainNow(ran(5_000), now).expectedMs).toBe(25_000); // longer than any before: its time limit is all that is known
  expect(drainNow(ran(40_000), now).expectedMs).toBe(0);
});

test("a steady pace: the busier, the longer, and never longer than the longest run", () => {
  const at = (runs: number) => drainAt({ ...quiet, paces: [{ ...even, runs, seconds: 60 }] }, now);
  const drains = [0.001, 1, 10, 100, 1_000].map(at);
  for (const [index, drain] of drains.entries()) {
    expect(drain.expectedMs).toBeGreaterThanOrEqual(drains[index - 1]?.expectedMs ?? 0);
    expect(drain.p90Ms).toBeLessThanOrEqual(3_000);
  }
  expect(drains[0]?.p90Ms).toBe(0);
  expect(drains[4]?.expectedMs).toBeGreaterThan(2_500);
});

test("moments with cron ticks and scheduled jobs come last, and moments are five minutes apart", () => {
  const paces = [{ ...even, runs: 1, seconds: 3_600 }];
  const busy = now + 2 * 300_000;
  const due = [{ task: "mail", from: busy, jobs: 3_000 }];
  const ticks = [{ task: "mail", at: now + 5 * 300_000 + 150_000 - 500 }];
  const found = moments({ ...quiet, paces, due, ticks }, now, 3_600_000);
  expect(found).toHaveLength(12);
  expect(found.slice(-2).map(({ at }) => at)).toEqual([now + 5 * 300_000 + 150_000, busy + 150_000]);
  expect(found[0]?.p90Ms).toBe(0);
  expect(moments({ ...quiet, paces, due, ticks }, now, 3_600_000)).toEqual(found);
});

test("moments that are alike come out alike", () => {
  const paces = [{ ...even, runs: 400, seconds: 7_200 }];
  const found = moments({ ...quiet, paces, due: [], ticks: [] }, now, 6 * 3_600_000);
  expect(new Set(found.map(({ p90Ms }) => p90Ms)).size).toBe(1);
});
