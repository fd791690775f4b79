import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Database } from "../../../src/engine/database.ts";
import { Waker } from "../../../src/engine/wake.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance", "setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A waker, and what it has told when: `20: 7` for lane 7 after 20 ms. */
function waking() {
  const told: string[] = [];
  const since = performance.now();
  const query = async (_: unknown, [text]: readonly unknown[]) => {
    told.push(`${Math.round(performance.now() - since)}: ${text}`);
    return [];
  };
  return { waker: new Waker({ query } as unknown as Database), told };
}

test("of a transaction that cannot notify workers are told when it may have committed, four times", async () => {
  const { waker, told } = waking();
  waker.wakeLater([{ lane: 7, inMs: 0 }]);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(told).toEqual(["20: 7", "60: 7", "180: 7", "540: 7"]);
});

test("such guesses are gathered: 200 transactions within a second are told of 75 times at most", async () => {
  const { waker, told } = waking();
  for (let lane = 1; lane <= 200; lane++) {
    waker.wakeLater([{ lane, inMs: 0 }]);
    await vi.advanceTimersByTimeAsync(5);
  }
  await vi.advanceTimersByTimeAsync(1_000);
  expect(told.length).toBeLessThanOrEqual((1_000 + 540) / 20);
  const lanes = told.flatMap((text) => text.split(": ")[1]?.split(",").map(Number));
  expect(lanes.sort((one, other) => Number(one) - Number(other))).toEqual(
    Array.from({ length: 800 }, (_, index) => Math.floor(index / 4) + 1),
  );
});

test("what is due a little later is told of with the time that is left, and what is due much later not at all", async () => {
  const { waker, told } = waking();
  waker.wakeLater([{ lane: 7, inMs: 100 }]);
  waker.wakeLater([]);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(told).toEqual(["20: 7+80", "60: 7+40", "180: 7", "540: 7"]);
});

test("a program that stops tells at once what it would have told later, and nothing after that", async () => {
  const { waker, told } = waking();
  waker.wakeLater([{ lane: 7, inMs: 0 }]);
  await vi.advanceTimersByTimeAsync(3);
  const settled = waker.settled();
  await vi.advanceTimersByTimeAsync(2_000);
  await settled;
  expect(told).toEqual(["3: 7"]);
});
