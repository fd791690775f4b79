import { expect, onTestFinished, test, vi } from "vitest";
import { Loop } from "../../../src/worker/loop.ts";

function looping() {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  let rounds = 0;
  const round = async () => {
    rounds++;
    return 100;
  };
  const loop = new Loop(round, () => 100);
  return { loop, rounds: () => rounds };
}

test("a loop begins at once, and goes on as its rounds say", async () => {
  const { loop, rounds } = looping();
  loop.start();
  expect(rounds()).toBe(1);
  await vi.advanceTimersByTimeAsync(250);
  expect(rounds()).toBe(3);
  await loop.stop();
});

test("a loop that is to begin later begins then, and not at all where it is stopped before", async () => {
  const { loop, rounds } = looping();
  loop.start(5_000);
  await vi.advanceTimersByTimeAsync(4_999);
  expect(rounds()).toBe(0);
  await vi.advanceTimersByTimeAsync(1);
  expect(rounds()).toBe(1);
  await loop.stop();

  const other = looping();
  other.loop.start(5_000);
  await other.loop.stop();
  expect(other.rounds()).toBe(0);
});

test("a loop that is told before it was to begin begins at once", async () => {
  const { loop, rounds } = looping();
  loop.start(5_000);
  loop.nudge();
  await vi.advanceTimersByTimeAsync(0);
  expect(rounds()).toBe(1);
  await loop.stop();
});
