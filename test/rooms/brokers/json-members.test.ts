import fc from "fast-check";
import { expect, test } from "vitest";
import { members, withMembers } from "../../../src/brokers/json-members.ts";

test("what is not changed stays as it was written, to the letter", () => {
  const text =
    ' { "a" : 1.0, "big":12345678901234567890 ,"nested":{"retry_count":7,"s":"}\\",{"},"list":[ [] ],"retry_count":3 } ';
  expect(withMembers(text, { retry_count: "2" })).toBe(text.replace('"retry_count":3', '"retry_count":2').trimEnd());
  expect(members(text).get("big")).toBe("12345678901234567890");
  expect(members(text).get("nested")).toBe('{"retry_count":7,"s":"}\\",{"}');
  expect(withMembers("{}", { at: "1" })).toBe('{"at":1}');
  expect(withMembers('{"a":1}', { at: '"x"' })).toBe('{"a":1,"at":"x"}');
  expect(() => members("[1]")).toThrow(SyntaxError);
});

test("any object, however it is spaced, has the members that JSON.parse finds, and takes changes as an object does", () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.jsonValue()),
      fc.dictionary(fc.string(), fc.jsonValue()),
      fc.constantFrom(undefined, 2),
      (object, changes, space) => {
        const text = JSON.stringify(object, null, space);
        const parsed = JSON.parse(text) as Record<string, unknown>;
        const found = [...members(text)].map(([name, value]): [string, unknown] => [name, JSON.parse(value)]);
        expect(Object.fromEntries(found)).toEqual(parsed);
        const told = Object.fromEntries(Object.entries(changes).map(([name, value]) => [name, JSON.stringify(value)]));
        expect(JSON.parse(withMembers(text, told))).toEqual(JSON.parse(JSON.stringify({ ...parsed, ...changes })));
      },
    ),
  );
});
