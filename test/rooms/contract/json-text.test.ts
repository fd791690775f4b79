import { createContext, runInContext } from "node:vm";
import fc from "fast-check";
import { expect, test } from "vitest";
import { NotJsonError, toJsonText } from "../../../src/contract/json-text.ts";

function refusal(value: unknown): NotJsonError {
  try {
    toJsonText(value, "The payload of t");
  } catch (error) {
    if (error instanceof NotJsonError) return error;
    throw error;
  }
  throw new Error("It was accepted.");
}

/** Accepted, and the same when it comes back. */
function roundTrips(value: unknown): void {
  expect(JSON.parse(toJsonText(value, "it"))).toEqual(value);
}

test("every JSON value comes back exactly, whatever is in its texts and keys", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("\0", "\ud800", "a\udfffb", "\u2028", "\\u0000", '"'),
  );
  const { json } = fc.letrec((tie) => ({
    json: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom(null, true, false),
      text,
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => (Object.is(number, -0) ? 0 : number)),
      fc.array(tie("json"), { maxLength: 4 }),
      fc.dictionary(
        text.filter((key) => key !== "__proto__"),
        tie("json"),
        { maxKeys: 4 },
      ),
    ),
  }));
  fc.assert(fc.property(json, (value) => roundTrips(value)));
});

test.each([1, 1_000, 1_000_000, 10_000_000])("a text of %i bytes comes back whole", (bytes) => {
  roundTrips({ text: "x".repeat(bytes) });
  roundTrips({ text: `${"ü€😀".repeat(bytes / 10)}` });
});

test("NUL, halves of surrogate pairs and odd keys are JSON", () => {
  roundTrips({ nul: "a\0b", half: "\ud800", other: "\udc00", "": 1, " ": 2, "a.b": 3, constructor: 4, toString: 5 });
});

test("properties that are undefined are left out; that is how optional ones are written", () => {
  expect(toJsonText({ a: undefined, b: { c: undefined } }, "it")).toBe('{"b":{}}');
});

test("what JSON.stringify would change without a word is refused, with the path and what to write", () => {
  const at = (value: unknown) => refusal({ list: [{ "the key": value }] });
  for (const [value, advice] of [
    [Number.NaN, /NaN has no JSON form\. Use null/],
    [Number.POSITIVE_INFINITY, /Infinity has no JSON form/],
    [10n, /BigInt has no JSON form\. Write it as a string/],
    [new Date(0), /Date is not plain JSON.*toISOString/],
    [new Map([[1, 2]]), /Map is not plain JSON/],
    [new Set(), /Set is not plain JSON/],
    [Buffer.from("a"), /Buffer is not plain JSON/],
    [new Uint8Array(2), /Uint8Array is not plain JSON/],
    [/a/, /RegExp is not plain JSON/],
    [new Error("a"), /Error is not plain JSON/],
    [new URL("http://a.example"), /URL is not plain JSON/],
    [Promise.resolve(), /Promise is not plain JSON/],
    [Object("boxed"), /String is not plain JSON/],
    [() => 1, /a function has no JSON form/],
    [Symbol("s"), /a symbol has no JSON form/],
  ] as const) {
    const error = at(value);
    expect(error.message).toMatch(advice);
    expect(error.message).toMatch(/^The payload of t is not JSON at \.list\[0\]\["the key"\]: /);
    expect(error).toMatchObject({ path: '.list[0]["the key"]', code: "TASKMASTER_NOT_JSON" });
  }
});

test("the root itself is checked", () => {
  for (const value of [undefined, () => 1, Symbol("s"), 1n, new Date()])
    expect(refusal(value).message).toMatch(/^The payload of t is not JSON at its root: /);
});

test("undefined and holes in arrays are refused: they would come back as null", () => {
  expect(refusal([1, undefined]).path).toBe("[1]");
  const sparse: unknown[] = [];
  sparse[3] = 1;
  expect(refusal(sparse).path).toBe("[0]");
  expect(refusal(new Array(2)).path).toBe("[0]");
});

test("instances of classes are refused, with or without toJSON", () => {
  class Money {
    amount = 1;
  }
  class Shown extends Money {
    toJSON() {
      return 2;
    }
  }
  expect(refusal(new Money()).message).toMatch(/a Money is not plain JSON/);
  expect(refusal({ at: new Shown() }).path).toBe(".at");
  expect(refusal(Object.create({ inherited: 1 })).message).toMatch(/not plain JSON/);
});

test("whatever JSON.stringify would ask for another value is refused, wherever its toJSON hides", () => {
  const hide = (target: object) => Object.defineProperty(target, "toJSON", { value: () => "changed" });
  for (const value of [{ toJSON: () => 1 }, hide({ a: 1 }), hide(Object.create(null)), hide([1, 2])])
    expect(() => toJsonText(value, "it")).toThrow(NotJsonError);
  roundTrips({ toJSON: "a text of that name" });
});

test("an array of a class of its own is refused", () => {
  class Items extends Array<number> {}
  expect(refusal({ at: Items.from([1, 2]) }).path).toBe(".at");
});

test("what no schema can declare stays behind: symbols, hidden properties, properties of an array", () => {
  const value = Object.defineProperty({ a: 1, [Symbol("mark")]: 2 }, "hidden", { value: 3 });
  expect(toJsonText(value, "it")).toBe('{"a":1}');
  expect(toJsonText("abc".match(/b/), "it")).toBe('["b"]');
});

test("a key named __proto__ is refused, at any depth", () => {
  expect(refusal(JSON.parse('{"a":[{"__proto__":{"admin":true}}]}')).path).toBe(".a[0].__proto__");
});

test("objects without a prototype and those of another realm are plain", () => {
  roundTrips(Object.assign(Object.create(null), { a: 1 }));
  const foreign = runInContext(
    `({ object: { list: [1, { a: null }] }, date: new Date(0), map: new Map(), sparse: [, 1], big: 1n,
        instance: new (class Money { amount = 1 })(), array: new (class Items extends Array {})(), nan: NaN })`,
    createContext({}),
  ) as Record<string, unknown>;
  expect(toJsonText(foreign.object, "it")).toBe('{"list":[1,{"a":null}]}');
  for (const name of ["date", "map", "sparse", "big", "instance", "array", "nan"])
    expect(() => toJsonText(foreign[name], "it"), name).toThrow(NotJsonError);
});

test("nesting is limited, and a value that refers to itself is refused, not followed for ever", () => {
  const nested = (depth: number) => {
    let value: unknown = 1;
    for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { a: value };
    return value;
  };
  roundTrips(nested(200));
  expect(refusal(nested(201)).message).toMatch(/nested deeper than 200 levels, or refers to itself/);
  const cycle: Record<string, unknown> = {};
  cycle.self = { list: [cycle] };
  expect(refusal(cycle).message).toMatch(/refers to itself/);
});

test("what a getter or a proxy throws comes out as it is", () => {
  const throwing = {
    get a() {
      throw new Error("no such thing");
    },
  };
  expect(() => toJsonText({ throwing }, "it")).toThrow("no such thing");
  const closed: ProxyHandler<object> = {
    ownKeys: () => {
      throw new Error("closed");
    },
  };
  expect(() => toJsonText({ proxy: new Proxy({}, closed) }, "it")).toThrow("closed");
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  expect(() => toJsonText({ proxy }, "it")).toThrow(TypeError);
  roundTrips(new Proxy({ a: [1] }, {}));
});
