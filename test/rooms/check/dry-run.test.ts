import { toStandardJsonSchema } from "@valibot/to-json-schema";
import { type } from "arktype";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { DryRun, laneReader } from "../../../src/check/dry-run.ts";
import { type AnyTask, contractOf, task } from "../../../src/contract/task.ts";

async function run(of: AnyTask, payloads: readonly unknown[], lane = { task: of.name, min: 1, max: 1 }) {
  const reader = laneReader(contractOf(of), lane);
  if (reader === undefined) return "unreadable";
  const dryRun = new DryRun();
  await dryRun.add(reader, payloads, (index) => `job ${index}`);
  return dryRun.counts.map(({ jobs, failing, problems }) => ({
    jobs,
    failing,
    problems: Object.fromEntries(problems),
  }));
}

const schema = z.object({ id: z.number(), to: z.object({ name: z.string() }) });

describe("what is wrong with a payload", () => {
  test("is told by its field: missing, or otherwise", async () => {
    const of = task("a").payload(schema);
    const payloads = [
      { id: 1, to: { name: "x" } },
      { id: 1, to: {} },
      { id: 1 },
      { id: "1", to: { name: "x" } },
      { id: 2, to: {} },
    ];
    expect(await run(of, payloads)).toEqual([
      {
        jobs: 5,
        failing: 4,
        problems: {
          "`to.name` is missing": { jobs: 2, first: "job 1" },
          "`to` is missing": { jobs: 1, first: "job 2" },
          "`id`: Invalid input: expected number, received string": { jobs: 1, first: "job 3" },
        },
      },
    ]);
  });

  test.each([
    ["arktype", type({ id: "'a' | 'b'" })],
    ["valibot", toStandardJsonSchema(v.object({ id: v.picklist(["a", "b"]) }))],
  ])("never repeats the value: %s", async (_, library) => {
    const told = JSON.stringify(await run(task("a").payload(library as never), [{ id: "secret" }, { id: "other" }]));
    expect(told).toContain("`id`");
    expect(told).not.toMatch(/secret|other/);
  });

  test("an upgrade that throws, at once or later, is told by its revision", async () => {
    const chain = (upgrade: () => never) => task("a").payload(schema).revise(schema, { upgrade });
    const thrown = () => {
      throw new Error("no clock");
    };
    const rejected = (async () => thrown()) as unknown as () => never;
    for (const upgrade of [thrown, rejected])
      expect(await run(chain(upgrade), [{}])).toMatchObject([
        { failing: 1, problems: { "the upgrade to revision 2 throws: no clock": { jobs: 1 } } },
      ]);
  });

  test("a thousand reasons are kept as a few", async () => {
    const of = task("a").payload(
      z.object({ id: z.string().refine(() => false, { error: ({ input }) => `not ${String(input)}` }) }),
    );
    const [count] = (await run(
      of,
      Array.from({ length: 1_000 }, (_, n) => ({ id: `${n}` })),
    )) as { problems: object }[];
    expect(Object.keys(count?.problems ?? {})).toHaveLength(21);
  });
});

test("a lane is read by the rendition that a worker would take, or not at all", async () => {
  const chain = task("a")
    .payload(schema)
    .revise(z.object({ id: z.string() }), { upgrade: ({ id }) => ({ id: String(id) }) });
  expect(await run(chain, [{ id: 1 }])).toMatchObject([{ failing: 0 }]);
  expect(await run(chain, [{ id: "1" }], { task: "a", min: 2, max: 2 })).toMatchObject([{ failing: 0 }]);
  expect(await run(chain, [{ id: "1" }], { task: "a", min: 1, max: 3 })).toMatchObject([{ failing: 0 }]);
  expect(await run(chain, [{}], { task: "a", min: 3, max: 3 })).toBe("unreadable");
});
