import fc from "fast-check";
import { expect, test } from "vitest";
import { canRead, type Readable, type Renditions, renditionFor } from "../../../src/contract/range.ts";
import { readableLanes } from "../../../src/engine/lanes.ts";

const ranges = fc
  .tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 0, max: 8 }))
  .map(([from, length]) => [from, from + length] as const);
const readables = ranges.map(([lo, hi]): Readable => ({ lo, hi }));
const renditions = ranges.map(([min, max]): Renditions => ({ min, max }));

function members(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

/** The rule, said another way: what both sides have, as sets. */
function shared({ lo, hi }: Readable, { min, max }: Renditions): number[] {
  return members(lo, hi).filter((revision) => members(min, max).includes(revision));
}

test("a worker may claim a job exactly when it can read one of its renditions", () => {
  fc.assert(
    fc.property(readables, renditions, (readable, job) => {
      expect(canRead(readable, job)).toBe(shared(readable, job).length > 0);
    }),
  );
});

test("it takes the newest rendition that both sides have, which is min(hi, max)", () => {
  fc.assert(
    fc.property(readables, renditions, (readable, job) => {
      const rendition = renditionFor(readable, job);
      expect(rendition).toBe(shared(readable, job).at(-1));
      if (rendition !== undefined) expect(rendition).toBe(Math.min(readable.hi, job.max));
    }),
  );
});

test("a release that reads more never loses a job that it could read", () => {
  fc.assert(
    fc.property(readables, renditions, fc.nat(3), (readable, job, more) => {
      if (!canRead(readable, job)) return;
      expect(canRead({ ...readable, hi: readable.hi + more }, job)).toBe(true);
      expect(canRead({ ...readable, lo: Math.max(1, readable.lo - more) }, job)).toBe(true);
      expect(canRead(readable, { ...job, min: Math.max(1, job.min - more) })).toBe(true);
    }),
  );
});

test("a deploy and its rollback: what each release writes, the other can read where an upgrade or a downgrade reaches it", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10 }),
      fc.integer({ min: 1, max: 5 }),
      fc.nat(5),
      fc.nat(5),
      (current, step, kept, downgrades) => {
        const before: Readable = { lo: Math.max(1, current - kept), hi: current };
        const after: Readable = { lo: Math.max(1, current + step - kept), hi: current + step };
        const written: Renditions = { min: Math.max(1, current + step - downgrades), max: current + step };
        // Old payload, new worker: exactly while the chain still starts there.
        expect(canRead(after, { min: current, max: current })).toBe(kept >= step);
        // New payload, old worker: exactly where the downgrades reach back to it.
        expect(canRead(before, written)).toBe(downgrades >= step);
        if (downgrades >= step) expect(renditionFor(before, written)).toBe(current);
      },
    ),
  );
});

test("the lanes that a worker is given obey the same rule", () => {
  const lanes = fc.array(
    fc.record({
      range: ranges,
      queue: fc.constantFrom("default", "mail"),
      task: fc.constantFrom("a", "b", "unknown"),
      priority: fc.constantFrom("high" as const, "normal" as const, "low" as const),
    }),
  );
  fc.assert(
    fc.property(
      lanes,
      fc.record({ a: readables, b: readables }),
      fc.constantFrom<readonly string[] | null>(null, ["default"], ["default", "mail"], ["other"]),
      (described, reads, queues) => {
        const all = described.map(({ range: [min, max], ...lane }, index) => ({ id: index + 1, min, max, ...lane }));
        const given = readableLanes(all, queues, (task) => (task === "a" || task === "b" ? reads[task] : undefined));
        const expected = all.flatMap((lane) => {
          const readable = lane.task === "a" || lane.task === "b" ? reads[lane.task] : undefined;
          if (readable === undefined || !(queues === null || queues.includes(lane.queue))) return [];
          const rendition = shared(readable, lane).at(-1);
          return rendition === undefined ? [] : [{ ...lane, rendition }];
        });
        expect(given).toEqual(expected);
      },
    ),
  );
});
