import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { readable } from "../../../src/contract/contract.ts";
import { NotJsonError } from "../../../src/contract/json-text.ts";
import {
  PayloadRefusedError,
  readPayload as readNowOrLater,
  storePayload,
  UnreadablePayloadError,
} from "../../../src/contract/payload.ts";
import { renditionFor } from "../../../src/contract/range.ts";
import { contractOf, task } from "../../../src/contract/task.ts";
import { type Behaviour, type Links, linkTo, release, renditionOf } from "./chains.ts";

/** What a reader gets in the end, at once or later. */
const readPayload = async (...args: Parameters<typeof readNowOrLater>) => readNowOrLater(...args);

const revisions = 6;
const works = (behaviour: Behaviour | undefined) => ["right", "later", "mutates"].includes(behaviour ?? "");

const behaviours = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom<Behaviour>("right", "later", "mutates") },
  { weight: 1, arbitrary: fc.constantFrom<Behaviour>("throws", "wrong", "not-json") },
);
const links: fc.Arbitrary<Links> = fc.array(
  fc.record({ upgrade: behaviours, downgrade: fc.option(behaviours, { nil: undefined, freq: 5 }) }),
  { minLength: revisions + 1, maxLength: revisions + 1 },
);
const releases = fc
  .tuple(fc.integer({ min: 1, max: revisions }), fc.integer({ min: 1, max: revisions }))
  .map(([a, b]) => ({ first: Math.min(a, b), current: Math.max(a, b) }));

/** The oldest rendition that the downgrades of a release reach. */
function reached(all: Links, { first, current }: { first: number; current: number }): number {
  let min = current;
  while (min > first && works(linkTo(all, min).downgrade)) min--;
  return min;
}

test("every release gets from every other what the chain prescribes, or an error that says why not", async () => {
  await fc.assert(
    fc.asyncProperty(links, releases, releases, async (all, producer, consumer) => {
      const stored = await storePayload(release(producer.first, producer.current, all), {
        revision: producer.current,
        way: ["written"],
      });
      const min = reached(all, producer);
      expect(stored).toMatchObject({ min, max: producer.current });
      const broken = min > producer.first && linkTo(all, min).downgrade !== undefined;
      expect(stored.skipped?.revision).toBe(broken ? min - 1 : undefined);
      expect(stored.olderText === null).toBe(min === producer.current);

      const reader = release(consumer.first, consumer.current, all);
      const rendition = renditionFor(readable(reader), stored);
      if (rendition === undefined) return;
      const way = ["written"];
      for (let from = producer.current; from > rendition; from--) way.push(`d${from}`);
      expect(renditionOf(stored, rendition)).toEqual({ revision: rendition, way });

      const steps = Array.from({ length: consumer.current - rendition }, (_, index) => rendition + index + 1);
      const reading = readPayload(reader, rendition, renditionOf(stored, rendition));
      const bad = steps.find((to) => ["throws", "wrong"].includes(linkTo(all, to).upgrade));
      if (bad === undefined) {
        const read = (await reading) as { revision: number; way: string[] };
        const upgraded = [...way, ...steps.map((to) => `u${to}`)];
        expect(read).toMatchObject({ revision: consumer.current, way: upgraded });
      } else await expect(reading).rejects.toThrow(UnreadablePayloadError);
    }),
    { numRuns: 400 },
  );
});

test("an upgrade that throws is told with its number, its message and its cause", async () => {
  const contract = release(1, 4, { 3: { upgrade: "throws" } });
  expect(await readPayload(contract, 3, { revision: 3, way: [] })).toEqual({ revision: 4, way: ["u4"] });
  const error = await readPayload(contract, 1, { revision: 1, way: [] }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(UnreadablePayloadError);
  expect(error).toMatchObject({
    code: "TASKMASTER_UNREADABLE_PAYLOAD",
    task: "t",
    revision: 3,
    message: "The upgrade of t from revision 2 to 3 threw: u3 threw",
    cause: expect.objectContaining({ message: "u3 threw" }),
  });
});

test("an upgrade whose result the current schema refuses is told with the paths", async () => {
  const contract = release(1, 2, { 2: { upgrade: "wrong" } });
  await expect(readPayload(contract, 1, { revision: 1, way: [] })).rejects.toMatchObject({
    revision: 2,
    issues: [{ path: "way" }],
    message: expect.stringContaining("upgraded from revision 1, does not fit revision 2 of t: way: "),
  });
});

test("a validator that throws makes a payload unreadable; it is no failure of the task", async () => {
  const contract = contractOf(
    task("t").payload(
      z.object({ name: z.string() }).refine(({ name }) => {
        if (name === "bad") throw new TypeError("cannot read it");
        return true;
      }),
    ),
  );
  await expect(readPayload(contract, 1, { name: "bad" })).rejects.toMatchObject({
    code: "TASKMASTER_UNREADABLE_PAYLOAD",
    message: expect.stringContaining("cannot read it"),
  });
});

test("a rendition that the chain does not have is unreadable, never read as another", async () => {
  const contract = release(2, 3, {});
  for (const rendition of [1, 4])
    await expect(readPayload(contract, rendition, { revision: 3, way: [] })).rejects.toThrow(UnreadablePayloadError);
});

test.each(["throws", "wrong", "not-json"] as const)(
  "a downgrade that %s narrows the renditions and never fails the enqueue",
  async (downgrade) => {
    const contract = release(1, 4, { 2: { downgrade: "right" }, 3: { downgrade }, 4: { downgrade: "right" } });
    const stored = await storePayload(contract, { revision: 4, way: [] });
    expect(stored).toMatchObject({ min: 3, max: 4, skipped: { revision: 2, reason: expect.any(String) } });
    expect(JSON.parse(stored.olderText ?? "")).toEqual({ 3: { revision: 3, way: ["d4"] } });
  },
);

test("a payload that the current schema refuses is refused at once, with its paths and what to do", async () => {
  const contract = contractOf(task("mail").payload(z.object({ to: z.array(z.object({ name: z.string() })) })));
  expect(() => storePayload(contract, { to: [{ name: "a" }, { name: 1 }] })).toThrow(PayloadRefusedError);
  expect(() => storePayload(contract, { to: [{ name: "a" }, { name: 1 }] })).toThrow(
    /The payload does not fit revision 1 of mail: to\[1\]\.name: .*Nothing was enqueued.*\.revise\(/,
  );
  expect(() => storePayload(contract, { to: [], at: new Date() })).toThrow(NotJsonError);
});

test("what is stored is the wire form: codecs not decoded, defaults not filled in, the undeclared left out", async () => {
  const date = z.codec(z.iso.datetime(), z.date(), {
    decode: (text) => new Date(text),
    encode: (at) => at.toISOString(),
  });
  const contract = contractOf(task("t").payload(z.object({ at: date, size: z.number().default(3) })));
  const stored = await storePayload(contract, { at: "2020-01-01T00:00:00Z", other: 1 });
  expect(stored.text).toBe('{"at":"2020-01-01T00:00:00Z"}');
  expect(await readPayload(contract, 1, JSON.parse(stored.text))).toEqual({
    at: new Date("2020-01-01T00:00:00Z"),
    size: 3,
  });
});

test("a payload whose validator and upgrades answer at once is read at once", () => {
  const contract = contractOf(task("t").payload(z.object({ n: z.number() })));
  expect(readNowOrLater(contract, 1, { n: 1 })).toEqual({ n: 1 });
  expect(() => readNowOrLater(contract, 1, { n: "1" })).toThrow(UnreadablePayloadError);
});

test("validators that answer later are waited for, on both sides", async () => {
  const contract = contractOf(
    task("t").payload(z.object({ n: z.number() }).refine(async ({ n }) => Promise.resolve(n > 0), "must be positive")),
  );
  expect(await storePayload(contract, { n: 1 })).toMatchObject({ text: '{"n":1}' });
  await expect(Promise.resolve(storePayload(contract, { n: 0 }))).rejects.toThrow(PayloadRefusedError);
  await expect(readPayload(contract, 1, { n: 0 })).rejects.toThrow(/must be positive/);
});

test("a caller that changes its object while a validator is at work does not change what was validated", async () => {
  let release: () => void = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const contract = contractOf(
    task("t").payload(z.object({ n: z.number() }).refine(async ({ n }) => gate.then(() => n > 0))),
  );
  const payload: { n: unknown } = { n: 1 };
  const storing = storePayload(contract, payload);
  payload.n = "changed";
  release();
  expect((await storing).text).toBe('{"n":1}');
});

/** A validator whose JSON Schema says less than it knows. */
function knowing(json: object, fits: (value: object) => boolean, later: boolean) {
  const result = (value: unknown) => (fits(value as object) ? { value } : { issues: [{ message: "does not fit" }] });
  return {
    "~standard": {
      version: 1,
      vendor: "own",
      validate: (value: unknown) => (later ? Promise.resolve(result(value)) : result(value)),
      jsonSchema: { input: () => json, output: () => json },
    },
  } as const;
}

test.each([
  ["by its schema", { type: "object", properties: { a: {}, b: {} }, minProperties: 1 }, () => true],
  ["by its validator", { type: "object", properties: { a: {}, b: {} } }, (value: object) => "c" in value],
] as const)(
  "a payload that fits only with what is not described is refused, not stored whole: %s",
  async (_, json, fits) => {
    for (const later of [false, true]) {
      const contract = contractOf(task("t").payload(knowing(json, fits, later)));
      await expect(async () => storePayload(contract, { c: 1 })).rejects.toThrow(
        /^The payload does not fit revision 1 of t: c: the schema does not describe it, so it is not stored; and what is left does not fit.* Describe it in the schema/,
      );
      // With something described beside it, the schema can do without; a validator that asks for `c` by name cannot.
      const both = Promise.resolve().then(() => storePayload(contract, { a: 1, c: 1 }));
      if (fits({ a: 1 })) expect((await both).text).toBe('{"a":1}');
      else await expect(both).rejects.toThrow(PayloadRefusedError);
    }
  },
);
