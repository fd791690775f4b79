import { expect, test } from "vitest";
import { toInstant } from "../../../src/cli/instant.ts";

test("a day is one of the reader's, as a time without a zone is", () => {
  expect(toInstant("2026-12-25")).toEqual(new Date(2026, 11, 25));
  expect(toInstant("2026-12-25T00:00")).toEqual(new Date(2026, 11, 25));
  expect(toInstant("2026-12-25T00:00Z")).toEqual(new Date(Date.UTC(2026, 11, 25)));
});

test.each(["5", "tomorrow 5", "12/25/2026", "-000099-01-01", "2026-13-01", "2026-12-25T99:00", ""])(
  "%j is no time",
  (text) => {
    expect(toInstant(text).getTime()).toBeNaN();
  },
);
