import fc from "fast-check";
import { expect, test } from "vitest";
import { Pace } from "../../../src/worker/pace.ts";

const tasks = new Set(["pace.one"]);

/** A worker whose attempts take no time that could be measured. */
function quick(): Pace {
  const pace = new Pace(10);
  for (let job = 0; job < 100; job++) pace.ran("pace.one", 0.01, 100);
  return pace;
}

test("each claim that starts in time is followed by one of twice as many jobs, up to 6,000", () => {
  const pace = quick();
  const seen = Array.from({ length: 7 }, () => {
    const ahead = pace.ahead(tasks);
    pace.started(ahead, 5);
    return ahead;
  });
  expect(seen).toEqual([125, 250, 500, 1_000, 2_000, 4_000, 6_000]);
});

test("a claim whose jobs wait for long is followed by one whose jobs do not, and one that goes back by half of it", () => {
  const pace = quick();
  for (let claim = 0; claim < 4; claim++) pace.started(pace.ahead(tasks), 5);
  pace.started(pace.ahead(tasks), 600);
  expect(pace.ahead(tasks)).toBe(1_000);
  pace.gaveUp();
  expect(pace.ahead(tasks)).toBe(500);
  pace.started(10, 60_000);
  expect(pace.ahead(tasks)).toBe(1);
});

test("however many jobs a worker starts a second, what it claims ahead comes to wait between 75 and 300 ms, within a few claims", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 4, max: 200_000, noNaN: true }),
      fc.integer({ min: 0, max: 12 }),
      (perSecond, before) => {
        const pace = quick();
        for (let claim = 0; claim < before; claim++) pace.started(pace.ahead(tasks), 1); // it was faster before
        for (let claim = 0; claim < 12; claim++)
          pace.started(pace.ahead(tasks), (pace.ahead(tasks) / perSecond) * 1_000);
        const waitMs = (pace.ahead(tasks) / perSecond) * 1_000;
        expect(waitMs).toBeLessThanOrEqual(300);
        if (pace.ahead(tasks) < 6_000) expect(waitMs).toBeGreaterThanOrEqual(75);
      },
    ),
  );
});
