import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { assertCron, InvalidCronError, nextTick } from "../../../src/contract/cron.ts";
import { schedule } from "../../../src/contract/schedule.ts";
import { task } from "../../../src/contract/task.ts";

function ticks(line: string, timeZone: string, from: string, to: string): string[] {
  const found: string[] = [];
  const end = new Date(to);
  for (let at: Date | undefined = new Date(from); ; ) {
    at = nextTick(line, timeZone, at);
    if (at === undefined || at >= end) return found;
    found.push(at.toISOString().replace(":00.000Z", "Z"));
  }
}

describe("the spring change skips an hour", () => {
  test("Berlin: a daily line in the gap fires once, at the first moment after it", () => {
    // 2025-03-30 02:00 CET is 03:00 CEST, which is 01:00 UTC.
    expect(ticks("30 2 * * *", "Europe/Berlin", "2025-03-28T12:00Z", "2025-04-01T12:00Z")).toEqual([
      "2025-03-29T01:30Z",
      "2025-03-30T01:00Z",
      "2025-03-31T00:30Z",
      "2025-04-01T00:30Z",
    ]);
  });

  test("New York: the same, at 07:00 UTC", () => {
    expect(ticks("30 2 * * *", "America/New_York", "2025-03-08T12:00Z", "2025-03-11T00:00Z")).toEqual([
      "2025-03-09T07:00Z",
      "2025-03-10T06:30Z",
    ]);
  });

  test("Lord Howe: its gap is half an hour", () => {
    // 2025-10-05 02:00 +10:30 is 02:30 +11:00, which is 15:30 UTC the day before.
    expect(ticks("15 2 * * *", "Australia/Lord_Howe", "2025-10-03T20:00Z", "2025-10-06T20:00Z")).toEqual([
      "2025-10-04T15:30Z",
      "2025-10-05T15:15Z",
      "2025-10-06T15:15Z",
    ]);
    expect(ticks("45 2 * * *", "Australia/Lord_Howe", "2025-10-03T20:00Z", "2025-10-05T20:00Z")).toEqual([
      "2025-10-04T15:45Z",
      "2025-10-05T15:45Z",
    ]);
  });

  test("a line of every half hour fires in every real half hour", () => {
    expect(ticks("*/30 * * * *", "Europe/Berlin", "2025-03-30T00:00Z", "2025-03-30T03:00Z")).toEqual([
      "2025-03-30T00:30Z",
      "2025-03-30T01:00Z",
      "2025-03-30T01:30Z",
      "2025-03-30T02:00Z",
      "2025-03-30T02:30Z",
    ]);
  });
});

describe("the autumn change repeats an hour", () => {
  test("Berlin: a daily line in it fires once, at its first occurrence", () => {
    // 02:30 comes twice on 2025-10-26: at 00:30 UTC (CEST) and at 01:30 UTC (CET).
    expect(ticks("30 2 * * *", "Europe/Berlin", "2025-10-25T12:00Z", "2025-10-28T00:00Z")).toEqual([
      "2025-10-26T00:30Z",
      "2025-10-27T01:30Z",
    ]);
  });

  test("New York: the same", () => {
    expect(ticks("30 1 * * *", "America/New_York", "2025-11-01T12:00Z", "2025-11-04T00:00Z")).toEqual([
      "2025-11-02T05:30Z",
      "2025-11-03T06:30Z",
    ]);
  });

  test("Lord Howe: half an hour comes twice", () => {
    // 2025-04-06 02:00 +11:00 is 01:30 +10:30: 01:45 comes at 14:45 and at 15:15 UTC the day before.
    expect(ticks("45 1 * * *", "Australia/Lord_Howe", "2025-04-04T20:00Z", "2025-04-07T20:00Z")).toEqual([
      "2025-04-05T14:45Z",
      "2025-04-06T15:15Z",
      "2025-04-07T15:15Z",
    ]);
  });

  test("lines of every hour or more often fire in every real hour", () => {
    expect(ticks("0 * * * *", "Europe/Berlin", "2025-10-25T23:30Z", "2025-10-26T03:30Z")).toEqual([
      "2025-10-26T00:00Z",
      "2025-10-26T01:00Z",
      "2025-10-26T02:00Z",
      "2025-10-26T03:00Z",
    ]);
    expect(ticks("*/20 * * * *", "America/New_York", "2025-11-02T05:30Z", "2025-11-02T07:10Z")).toEqual([
      "2025-11-02T05:40Z",
      "2025-11-02T06:00Z",
      "2025-11-02T06:20Z",
      "2025-11-02T06:40Z",
      "2025-11-02T07:00Z",
    ]);
    expect(ticks("*/15 * * * *", "Australia/Lord_Howe", "2025-04-05T14:20Z", "2025-04-05T15:50Z")).toEqual([
      "2025-04-05T14:30Z",
      "2025-04-05T14:45Z",
      "2025-04-05T15:00Z",
      "2025-04-05T15:15Z",
      "2025-04-05T15:30Z",
      "2025-04-05T15:45Z",
    ]);
  });
});

test("a daily line fires once on every day of a year, in every zone, whenever it is asked", () => {
  const zones = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "UTC",
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(...zones),
      fc.nat({ max: 23 }),
      fc.nat({ max: 59 }),
      fc.nat({ max: 364 }),
      (zone, hour, minute, day) => {
        const from = Date.UTC(2025, 0, 1) + day * 86_400_000;
        const dateIn = (at: Date) => at.toLocaleDateString("sv", { timeZone: zone });
        let at = nextTick(`${minute} ${hour} * * *`, zone, new Date(from));
        for (let count = 0; count < 4; count++) {
          const next = nextTick(`${minute} ${hour} * * *`, zone, at ?? new Date(0));
          if (at === undefined || next === undefined) throw new Error("It never fires again.");
          expect(next.getTime()).toBeGreaterThan(at.getTime());
          // The next day, by the calendar of the zone.
          const expected = new Date(`${dateIn(at)}T12:00:00Z`);
          expected.setUTCDate(expected.getUTCDate() + 1);
          expect(dateIn(next), `${at.toISOString()} -> ${next.toISOString()}`).toBe(
            expected.toISOString().slice(0, 10),
          );
          at = next;
        }
      },
    ),
    { numRuns: 150 },
  );
});

test("lines with seconds, names, ranges and the last day of a month", () => {
  expect(nextTick("*/10 * * * * *", "UTC", new Date("2025-01-01T00:00:05Z"))).toEqual(new Date("2025-01-01T00:00:10Z"));
  expect(nextTick("0 9 * * MON-FRI", "UTC", new Date("2025-01-03T10:00Z"))).toEqual(new Date("2025-01-06T09:00Z"));
  expect(nextTick("0 0 L * *", "UTC", new Date("2024-02-01T00:00Z"))).toEqual(new Date("2024-02-29T00:00Z"));
  expect(nextTick("0 0 29 2 *", "UTC", new Date("2025-01-01T00:00Z"))).toEqual(new Date("2028-02-29T00:00Z"));
  expect(nextTick("@daily", "UTC", new Date("2025-01-01T00:00Z"))).toEqual(new Date("2025-01-02T00:00Z"));
});

test("a line that never fires is refused when it is written", () => {
  expect(() => assertCron("nightly", "0 0 30 2 *", "UTC")).toThrow(
    'The cron line of nightly, "0 0 30 2 *", never fires: there is no such date.',
  );
});

test.each([
  "",
  "* * * *",
  "* * * * * * *",
  "60 * * * *",
  "* 24 * * *",
  "a b c d e",
  "every day",
  "@never",
  "@reboot",
  "2030-01-01T00:00:00",
  "*/0 * * * *",
  "\0 * * * *",
  null,
  undefined,
  7,
  {},
  new Date(),
] as unknown[])("junk is refused: %o", (line) => {
  expect(() => assertCron("nightly", line, "UTC")).toThrow(InvalidCronError);
  expect(() => assertCron("nightly", line, "UTC")).toThrow(/^The cron line of nightly/);
});

test.each(["Mars/Olympus", "", null, 7, "CEST", "europe"] as unknown[])("%o is no time zone", (zone) => {
  expect(() => assertCron("nightly", "0 3 * * *", zone)).toThrow(/^The time zone of nightly is .*Europe\/Paris/);
});

test("a schedule is checked when it is written", () => {
  const target = task("search.rebuild").payload(z.object({ tenant: z.string() }));
  const payload = { tenant: "all" };
  expect(schedule("nightly", { cron: " 0 3 * * * ", task: target, payload }).name).toBe("nightly");
  expect(() => schedule("no name", { cron: "0 3 * * *", task: target, payload })).toThrow(/is no name for a schedule/);
  expect(() => schedule("nightly", { cron: "0 3 * *", task: target, payload })).toThrow(InvalidCronError);
  expect(() => schedule("nightly", { cron: "0 3 * * *", timeZone: "Mars", task: target, payload })).toThrow(
    InvalidCronError,
  );
  expect(() => schedule("nightly", { cron: "0 3 * * *", task: target.retired() as typeof target, payload })).toThrow(
    "nightly schedules search.rebuild, which is retired and can no longer be enqueued.",
  );
});
