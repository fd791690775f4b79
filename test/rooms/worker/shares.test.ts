import fc from "fast-check";
import { expect, test } from "vitest";
import { shareOut } from "../../../src/worker/shares.ts";

const asked = fc.record({
  room: fc.integer({ min: 1, max: 3_000 }),
  lanes: fc.integer({ min: 1, max: 700 }),
  breadth: fc.integer({ min: 1, max: 200 }),
  from: fc.integer({ min: 0, max: 2_000 }),
});

test("a claim's room is given out whole, in parts that differ by one at most, to a lane once", () => {
  fc.assert(
    fc.property(asked, ({ room, ...options }) => {
      const { places, quotas } = shareOut(room, options);
      expect(quotas.reduce((sum, quota) => sum + quota, 0)).toBe(room);
      expect(Math.max(...quotas) - Math.min(...quotas)).toBeLessThanOrEqual(1);
      expect(Math.min(...quotas)).toBeGreaterThan(0);
      expect(new Set(places).size).toBe(places.length);
      expect(Math.max(...places)).toBeLessThan(options.lanes);
    }),
  );
});

test("no lane waits for longer than the others take to have their turn", () => {
  fc.assert(
    fc.property(asked, ({ room, lanes, breadth, from }) => {
      const seen = new Set<number>();
      const turns = Math.ceil(lanes / shareOut(room, { lanes, breadth, from }).places.length);
      for (let turn = 0, at = from; turn < turns; turn++) {
        const { places, next } = shareOut(room, { lanes, breadth, from: at });
        for (const place of places) seen.add(place);
        at = next;
      }
      expect(seen.size).toBe(lanes);
    }),
  );
});

test("as many lanes come at once as jobs can start at once", () => {
  fc.assert(
    fc.property(asked, ({ room, lanes, breadth, from }) => {
      expect(shareOut(room, { lanes, breadth, from }).places.length).toBeGreaterThanOrEqual(
        Math.min(lanes, room, breadth),
      );
    }),
  );
});
