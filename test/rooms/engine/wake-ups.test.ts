import fc from "fast-check";
import { expect, test } from "vitest";
import { fromText, toText, wakeUpsFor } from "../../../src/engine/wake-ups.ts";

const wakeUps = fc.uniqueArray(
  fc.record({ lane: fc.integer({ min: 1, max: 2 ** 31 - 1 }), inMs: fc.integer({ min: 0, max: 2_000 }) }),
  { selector: ({ lane }) => lane, minLength: 1, maxLength: 700 },
);

test("a notification says what it was made of, in no more than the 8,000 bytes that fit into one", () => {
  fc.assert(
    fc.property(wakeUps, (all) => {
      const text = toText(all) ?? "";
      expect(text.length).toBeLessThan(8_000);
      expect(fromText(text)).toEqual(all.slice(0, 500));
    }),
  );
});

test("of each lane the soonest job counts, and what is due much later needs no notification", () => {
  const at = (inMs: number) => new Date(Date.now() + inMs);
  const jobs = [
    { lane: 1, runAt: at(900) },
    { lane: 1, runAt: at(600) },
    { lane: 2, runAt: at(1_500) },
    { lane: 2, runAt: null },
    { lane: 3, runAt: at(60_000) },
    { lane: 4, runAt: at(-60_000) },
  ];
  const [soon, ...rest] = wakeUpsFor(jobs);
  expect(soon?.lane).toBe(1);
  expect(Math.abs((soon?.inMs ?? 0) - 600)).toBeLessThan(100);
  expect(rest).toEqual([
    { lane: 2, inMs: 0 },
    { lane: 4, inMs: 0 },
  ]);
  expect(toText(wakeUpsFor([{ lane: 3, runAt: at(60_000) }]))).toBeNull();
});

test("what is no notification of ours is left out", () => {
  expect(fromText("7,x,,8+y,9+5")).toEqual([
    { lane: 7, inMs: 0 },
    { lane: 9, inMs: 5 },
  ]);
});
