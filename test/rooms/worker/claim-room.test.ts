import fc from "fast-check";
import { expect, test } from "vitest";
import { roomFor } from "../../../src/worker/claim-room.ts";

interface Held {
  readonly ahead: number;
  readonly buffered: number;
  readonly freeSlots: number;
  readonly expected: number;
  readonly hasBacklog: boolean;
  readonly hasLine: boolean;
  readonly unsettled: number;
}

const room = ({ ahead, buffered, freeSlots, expected, hasBacklog, hasLine, unsettled }: Held, isSecond: boolean) =>
  roomFor(
    {
      database: { hasLine },
      scout: { hasBacklog, hotTasks: () => new Set() },
      runner: { buffered, freeSlots, pace: { ahead: () => ahead } },
      settler: { unsettled },
    },
    expected,
    isSecond,
  );

const held = fc.record<Held>({
  ahead: fc.integer({ min: 0, max: 6_000 }),
  buffered: fc.integer({ min: 0, max: 6_000 }),
  freeSlots: fc.integer({ min: 0, max: 200 }),
  expected: fc.integer({ min: 0, max: 6_000 }),
  hasBacklog: fc.boolean(),
  hasLine: fc.boolean(),
  unsettled: fc.integer({ min: 0, max: 4_000 }),
});

test("whatever waits here and is on its way, a claim asks for no more than the free slots and what may lie ahead of them", () => {
  fc.assert(
    fc.property(held, fc.boolean(), (one, isSecond) => {
      const asked = room(one, isSecond);
      const slots = Math.max(0, one.freeSlots - one.expected);
      expect(asked).toBeGreaterThanOrEqual(0);
      if (asked > slots) expect(one.buffered + one.expected + asked).toBeLessThanOrEqual(one.freeSlots + one.ahead);
    }),
  );
});

test("a free slot that nothing is on its way for is asked for, whatever else lies here", () => {
  fc.assert(
    fc.property(held, (one) => {
      fc.pre(one.freeSlots > one.expected);
      expect(room(one, false)).toBeGreaterThanOrEqual(one.freeSlots - one.expected);
    }),
  );
});

test("without a free slot a claim waits until it is worth its while: half of what may lie ahead, or from a backlog a third, two at a time", () => {
  const full = { ahead: 3_000, freeSlots: 0, expected: 0, hasBacklog: true, hasLine: false, unsettled: 0 };
  const two = { ...full, hasLine: true };
  expect(room({ ...full, buffered: 1_501 }, false)).toBe(0);
  expect(room({ ...full, buffered: 1_500 }, false)).toBe(1_500);
  expect(room({ ...two, buffered: 2_001 }, false)).toBe(0);
  expect(room({ ...two, buffered: 2_000 }, false)).toBe(1_000);
  expect(room({ ...two, buffered: 1_000, expected: 1_000 }, true)).toBe(1_000);
  expect(room({ ...two, buffered: 1_001, expected: 1_000 }, true)).toBe(0);
});

test("a second claim is sent from a backlog only, where much may lie ahead and the connection takes two", () => {
  const one = { ahead: 600, buffered: 0, freeSlots: 0, expected: 0, hasBacklog: true, hasLine: true, unsettled: 0 };
  expect(room(one, true)).toBe(200);
  expect(room({ ...one, ahead: 599 }, true)).toBe(0);
  expect(room({ ...one, hasBacklog: false }, true)).toBe(0);
  expect(room({ ...one, hasLine: false }, true)).toBe(0);
});

test("where more than 4,000 attempts that ended are not written yet nothing more is claimed", () => {
  fc.assert(
    fc.property(held, fc.boolean(), (one, isSecond) => {
      expect(room({ ...one, unsettled: 4_001 }, isSecond)).toBe(0);
    }),
  );
});
