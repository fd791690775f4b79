import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Trail } from "../../../src/worker/trail.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const place = (at: number) => ({ runAt: at, id: String(at) });

/** What a claim brought, so many milliseconds after the one before. */
interface Step {
  readonly afterMs: number;
  readonly jobs: number;
  readonly isBacklog: boolean;
}

const claims = fc.array(
  fc.record<Step>({
    afterMs: fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 3_000 })),
    jobs: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 2_000 })),
    isBacklog: fc.boolean(),
  }),
  { minLength: 1, maxLength: 60 },
);

interface Claimed {
  readonly atMs: number;
  /** Of the last of its jobs; they stand at whole numbers. */
  readonly last: number;
}

/** Calls back after each claim, with all of them so far. */
function follow(
  all: readonly Step[],
  look: (trail: Trail, claimed: readonly Claimed[], isBacklog: boolean) => void,
): void {
  const trail = new Trail();
  const claimed: Claimed[] = [];
  let [atMs, last] = [0, 0];
  for (const { afterMs, jobs, isBacklog } of all) {
    vi.advanceTimersByTime(afterMs);
    [atMs, last] = [atMs + afterMs, last + jobs];
    trail.advance(place(last), jobs, isBacklog ? atMs : undefined);
    claimed.push({ atMs, last });
    look(trail, claimed, isBacklog);
  }
}

test("a backlog is claimed from where the last claim ended", () => {
  fc.assert(
    fc.property(claims, (all) =>
      follow(all, (trail, claimed, isBacklog) => {
        if (isBacklog) expect(trail.floor).toEqual(place(claimed.at(-1)?.last ?? 0));
        trail.stay();
        expect(trail.floor?.runAt).toBeLessThanOrEqual(claimed.at(-1)?.last ?? 0);
      }),
    ),
  );
});

test("where there is none, a claim looks back over the last second or 500 jobs, whichever is less, and never over more than two of them and a claim", () => {
  fc.assert(
    fc.property(claims, (all) =>
      follow(all, (trail, claimed) => {
        trail.stay();
        const floor = trail.floor?.runAt ?? 0;
        const now = claimed.at(-1) ?? { atMs: 0, last: 0 };
        // What was reached longer ago, by either measure, than one mark can be.
        const passed = claimed.filter(({ atMs, last }) => now.atMs - atMs < 1_000 && now.last - last < 500);
        for (const { last } of passed) if (last !== claimed[0]?.last) expect(floor).toBeLessThanOrEqual(last);
        const largest = claimed.reduce((most, { last }, at) => Math.max(most, last - (claimed[at - 1]?.last ?? 0)), 0);
        expect(now.last - floor).toBeLessThanOrEqual(2 * 500 + 2 * largest);
      }),
    ),
  );
});
