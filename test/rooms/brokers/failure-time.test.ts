import { expect, test } from "vitest";
import { timeOf } from "../../../src/fleets/resque/failure-time.ts";

test("a failure of Resque is at the time that it says, in whatever form, and never at a guessed one", () => {
  const at = Date.UTC(2026, 10, 21, 12, 44, 44);
  for (const text of [
    "2026/11/21 12:44:44 UTC",
    "2026/11/21 13:44:44 CET",
    "2026/11/21 07:44:44 EST",
    "2026/11/21 18:14:44 +0530",
    "Sat, 21 Nov 2026 13:44:44 +0100",
    "2026-11-21T12:44:44Z",
    "Sat Nov 21 2026 13:44:44 GMT+0100 (Central European Standard Time)",
  ])
    expect([text, timeOf(text, undefined)]).toEqual([text, at]);
  for (const text of ["2026/11/21 12:44:44", "2026/11/21 12:44:44 IST", "yesterday", undefined])
    expect(timeOf(text, undefined)).toBeUndefined();
  expect(timeOf("2026/11/21 14:44:44", "+02:00")).toBe(at);
});
