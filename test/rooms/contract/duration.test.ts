import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { backoffMs, toBackoffMs } from "../../../src/contract/backoff.ts";
import { formatMilliseconds, InvalidDurationError, toMilliseconds } from "../../../src/contract/duration.ts";

describe("durations", () => {
  test.each([
    [0, 0],
    [250, 250],
    [1.4, 1],
    ["250ms", 250],
    ["30s", 30_000],
    ["1.5 s", 1_500],
    [" 5 m ", 300_000],
    ["1 minute", 60_000],
    ["2h", 7_200_000],
    ["3 days", 259_200_000],
    ["1 WEEK", 604_800_000],
    ["90 sec", 90_000],
    ["2 mins", 120_000],
  ])("%j is %i ms", (written, ms) => {
    expect(toMilliseconds(written)).toBe(ms);
  });

  test.each([
    "",
    "5",
    "s",
    "-5s",
    "5 parsecs",
    "5s 3m",
    "1e3s",
    "Infinity s",
    "٣s",
    "5 constructor",
    "5 toString",
    "0x10 s",
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    null,
    undefined,
    {},
    [],
    10n,
    true,
  ] as unknown[])("%o is refused, with the option's name and what to write", (written) => {
    expect(() => toMilliseconds(written as string, "grace")).toThrow(InvalidDurationError);
    expect(() => toMilliseconds(written as string, "grace")).toThrow(/^grace is .*, which is not a duration: write /);
  });

  test("what is written of a number of milliseconds is that number", () => {
    fc.assert(
      fc.property(fc.nat({ max: 1e9 }), (ms) => {
        expect(toMilliseconds(`${ms}ms`)).toBe(ms);
        expect(toMilliseconds(ms)).toBe(ms);
      }),
    );
  });

  test("for people, the text is never off by more than a twentieth", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e12, noNaN: true }), (ms) => {
        const text = formatMilliseconds(ms);
        const total = text.split(/(?<=[a-z]) /).reduce((sum, part) => sum + toMilliseconds(part), 0);
        expect(Math.abs(total - ms), `${ms} is ${text}`).toBeLessThanOrEqual(Math.max(1, ms / 20));
      }),
    );
    expect(
      [0, 850, 999.6, 12_345, 59_999, 60_000, 245_000, 7_800_000, 3 * 86_400_000 + 4 * 3_600_000].map(
        formatMilliseconds,
      ),
    ).toEqual(["0 ms", "850 ms", "1.0 s", "12 s", "59 s", "1 min", "4 min 5 s", "2 h 10 min", "3 d 4 h"]);
  });
});

describe("backoff", () => {
  const backoffs = fc
    .tuple(fc.nat({ max: 100_000_000 }), fc.nat({ max: 1_000_000_000 }))
    .map(([first, max]) => toBackoffMs({ first, max }));

  test("waits between half and all of the doubled wait, never longer than max, in whole milliseconds", () => {
    fc.assert(
      fc.property(
        backoffs,
        fc.integer({ min: 1, max: 100_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (backoff, failures, random) => {
          const wait = backoffMs(backoff, failures, random);
          const doubled = Math.min(backoff.maxMs, backoff.firstMs * 2 ** Math.min(failures - 1, 60));
          expect(Number.isSafeInteger(wait)).toBe(true);
          expect(wait).toBeGreaterThanOrEqual(Math.floor(doubled / 2));
          expect(wait).toBeLessThanOrEqual(Math.ceil(doubled));
        },
      ),
    );
  });

  test("never waits less after a further failure, by the same dice", () => {
    fc.assert(
      fc.property(
        backoffs,
        fc.integer({ min: 1, max: 200 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (backoff, failures, random) => {
          expect(backoffMs(backoff, failures + 1, random)).toBeGreaterThanOrEqual(backoffMs(backoff, failures, random));
        },
      ),
    );
  });

  test("jobs that failed together do not come back together", () => {
    const backoff = toBackoffMs({ first: "10s" });
    const waits = new Set(Array.from({ length: 200 }, () => backoffMs(backoff, 3)));
    expect(waits.size).toBeGreaterThan(150);
  });

  test("has its defaults, and a first wait that is longer than the longest wins", () => {
    expect(toBackoffMs()).toEqual({ firstMs: 2_000, maxMs: 3_600_000 });
    expect(toBackoffMs({ first: "2h" })).toEqual({ firstMs: 7_200_000, maxMs: 7_200_000 });
    expect(() => toBackoffMs({ first: "soon" })).toThrow(/^backoff\.first is "soon"/);
  });

  test("a wait beyond what the database can add to a time is refused when the task is written, not when it fails", () => {
    expect(() => toBackoffMs({ max: "100000 weeks" })).toThrow(/^backoff\.max is "100000 weeks": write a year at most/);
    expect(() => toBackoffMs({ first: 1e300 })).toThrow(InvalidDurationError);
    expect(toBackoffMs({ max: "365 days" }).maxMs).toBe(31_536_000_000);
  });
});
