import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Pace } from "../../../src/worker/pace.ts";

const tasks = new Set(["pace.one"]);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A worker whose attempts take no time that could be measured. */
function quick() {
  const pace = new Pace(10);
  for (let job = 0; job < 100; job++) pace.ran("pace.one", performance.now() - 0.01, 100);
  let started = 0;
  return {
    pace,
    ahead: () => pace.ahead(tasks),
    /** A claim of so many jobs has come, and the last of them starts so many milliseconds later, when another one ends. */
    claim(jobs: number, ms: number): void {
      vi.advanceTimersByTime(ms);
      started += jobs;
      pace.ran("pace.one", performance.now() - 0.01, 100);
      pace.started(started, started - jobs, ms);
    },
  };
}

test("each claim that starts in time is followed by one of twice as many jobs, as far as so many have started, up to 6,000", () => {
  const { ahead, claim } = quick();
  const seen = Array.from({ length: 8 }, () => {
    const jobs = ahead();
    claim(jobs, 5);
    return jobs;
  });
  expect(seen).toEqual([125, 125, 250, 500, 1_000, 2_000, 4_000, 6_000]);
});

test("a claim whose jobs wait for long is followed by one whose jobs do not, and one that goes back by half of it", () => {
  const { pace, ahead, claim } = quick();
  for (let i = 0; i < 5; i++) claim(ahead(), 5);
  claim(ahead(), 600);
  expect(ahead()).toBe(1_000);
  pace.gaveUp();
  expect(ahead()).toBe(500);
  claim(10, 60_000);
  expect(ahead()).toBe(1);
});

test("where nothing has ended for 0.3 seconds nothing is claimed ahead, until something ends", () => {
  const { pace, ahead, claim } = quick();
  for (let i = 0; i < 5; i++) claim(ahead(), 5);
  vi.advanceTimersByTime(300);
  expect(ahead()).toBe(2_000);
  vi.advanceTimersByTime(1);
  expect(ahead()).toBe(0);
  pace.ran("pace.one", performance.now() - 0.01, 100);
  expect(ahead()).toBe(2_000);
});

test("however many jobs a worker starts a second, what it claims ahead comes to wait between 75 and 300 ms, within a few claims", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 4, max: 200_000, noNaN: true }),
      fc.integer({ min: 0, max: 12 }),
      (perSecond, before) => {
        const { ahead, claim } = quick();
        for (let i = 0; i < before; i++) claim(ahead(), 1); // it was faster before
        for (let i = 0; i < 16; i++) claim(ahead(), (ahead() / perSecond) * 1_000);
        const waitMs = (ahead() / perSecond) * 1_000;
        expect(waitMs).toBeLessThanOrEqual(300);
        if (ahead() < 6_000) expect(waitMs).toBeGreaterThanOrEqual(75);
      },
    ),
  );
});

test("where a worker comes to its turn now and then, and is quick in it, it claims no more than it starts in 0.3 of a second, its rests among them", () => {
  fc.assert(
    fc.property(fc.integer({ min: 10, max: 100 }), fc.integer({ min: 100, max: 700 }), (turnMs, restMs) => {
      const { ahead, claim } = quick();
      const all: { readonly at: number; readonly jobs: number }[] = [];
      for (let turn = 0; turn < 12; turn++) {
        for (const since = performance.now(); performance.now() - since < turnMs; ) {
          const jobs = Math.min(ahead(), 1_000); // 200,000 a second in its turn
          claim(jobs, 5);
          all.push({ at: performance.now(), jobs });
        }
        vi.advanceTimersByTime(restMs);
      }
      claim(100, 5); // the first one of its next turn
      const within = (ms: number) =>
        all.filter(({ at }) => performance.now() - at <= ms).reduce((sum, { jobs }) => sum + jobs, 100);
      const most = Math.max(within(300), within(1_000) * 0.3);
      expect(ahead()).toBeLessThanOrEqual(Math.max(125, most) + 1_000); // but for a claim at the edge of that time
    }),
  );
});
