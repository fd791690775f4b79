import { describe, expect, test } from "vitest";
import { z } from "zod";
import { InvalidContractError, readable } from "../../../src/contract/contract.ts";
import { InvalidDurationError } from "../../../src/contract/duration.ts";
import { rerunnable } from "../../../src/contract/execution.ts";
import { isNonRetryable, NonRetryableError } from "../../../src/contract/non-retryable.ts";
import { contractOf, executionOf, isRunnableTask, isTask, task } from "../../../src/contract/task.ts";

const first = task("user.confirm").payload(z.object({ id: z.number() }));
const run = async () => {};

/** What a plain JavaScript program may pass. */
const anything = (value: unknown) => value as never;

describe("a chain", () => {
  test("says what to write where a step comes before the payload", () => {
    const begun = anything(task("user.confirm")) as unknown as Record<string, (...args: unknown[]) => unknown>;
    for (const step of ["revise", "formerly", "retired", "short", "interruptible"]) {
      expect(() => begun[step]?.("user.notify")).toThrow(InvalidContractError);
      expect(() => begun[step]?.("user.notify")).toThrow(`task("user.confirm").payload(schema).${step}(`);
    }
  });

  test("gives a new value with every call: a contract can be shared and continued in another file", () => {
    const second = first.revise(z.object({ id: z.number(), at: z.string() }), {
      upgrade: (old) => ({ ...old, at: "" }),
    });
    const renamed = second.formerly("user.notify", "user.old").formerly("user.notify");
    expect(readable(contractOf(first))).toEqual({ lo: 1, hi: 1 });
    expect(readable(contractOf(second))).toEqual({ lo: 1, hi: 2 });
    expect(contractOf(second).formerNames).toEqual([]);
    expect(contractOf(renamed).formerNames).toEqual(["user.notify", "user.old"]);
    expect(contractOf(first.retired()).retired).toBe(true);
    expect(contractOf(first).retired).toBe(false);
  });

  test("starts at a later revision where the older ones have drained", () => {
    const contract = task("t")
      .payload(z.object({}), { revision: 7 })
      .revise(z.object({}), { upgrade: () => ({}) });
    expect(readable(contractOf(contract))).toEqual({ lo: 7, hi: 8 });
  });

  test("a contract is no runnable task; with its function it is", () => {
    const whole = first.short(run);
    expect([isTask(first), isRunnableTask(first)]).toEqual([true, false]);
    expect([isTask(whole), isRunnableTask(whole)]).toEqual([true, true]);
    expect(isRunnableTask(whole.retired().formerly("old"))).toBe(true);
    for (const other of [null, undefined, {}, "t", task("t"), []]) expect(isTask(other)).toBe(false);
  });

  test("has its defaults", () => {
    expect(executionOf(first.short(run))).toMatchObject({
      kind: "short",
      timeLimitMs: 30_000,
      afterCrash: "hold",
      attempts: 10,
      backoff: { firstMs: 2_000, maxMs: 3_600_000 },
    });
    expect(contractOf(first)).toMatchObject({ queue: "default", priority: "normal" });
    const kinds = [first.short(run), first.short({ afterCrash: "retry" }, run), first.interruptible(run)];
    expect(kinds.map((kind) => rerunnable(executionOf(kind)))).toEqual([false, true, true]);
  });
});

describe("what makes no sense is refused when it is written", () => {
  test.each(["", " ", "a b", "-a", ".a", "a\n", "a\0", "a".repeat(129), "a'b", 'a"', "a;b", 7, null, undefined, {}])(
    "as a name: %o",
    (name) => {
      for (const make of [
        () => task(anything(name)),
        () => task("t", { queue: anything(name) ?? "" }),
        () => first.formerly(anything(name)),
      ])
        expect(make).toThrow(InvalidContractError);
      expect(() => task(anything(name))).toThrow(/is no name for a task: use 1 to 128 letters/);
    },
  );

  test.each(["a", "user.confirm", "search:rebuild/all", "Übung_2-x", "任务", "a".repeat(128), "1"])(
    "but a name may be %s",
    (name) => {
      expect(task(name, { queue: name }).payload(z.object({})).name).toBe(name);
    },
  );

  test.each([0, -1, 1.5, 32_768, Number.NaN, "2", null])("as a first revision: %o", (revision) => {
    expect(() => task("t").payload(z.object({}), { revision: anything(revision) })).toThrow(
      /^The first revision of t is .*: write a whole number from 1 to 32767/,
    );
  });

  test("a revision beyond what the database counts", () => {
    const last = task("t").payload(z.object({}), { revision: 32_767 });
    expect(() => last.revise(z.object({}), { upgrade: () => ({}) })).toThrow(InvalidContractError);
  });

  test("a revision without an upgrade, with the code to write", () => {
    for (const conversions of [{}, { upgrade: undefined }, { upgrade: "no" }])
      expect(() => first.revise(z.object({}), anything(conversions))).toThrow(
        /^Revision 2 of user\.confirm has no upgrade, so the jobs of revision 1 could not be read: \.revise\(schema, \{ upgrade:/,
      );
  });

  test("a downgrade that is no function", () => {
    expect(() => first.revise(z.object({}), { upgrade: () => ({}), downgrade: anything("no") })).toThrow(
      /^The downgrade of revision 2 of user\.confirm is no function/,
    );
  });

  test("a task that was formerly itself", () => {
    expect(() => first.formerly("user.confirm")).toThrow("user.confirm is formerly itself");
  });

  test.each(["urgent", 1, null, "HIGH"])("as a priority: %o", (priority) => {
    expect(() => task("t", { priority: anything(priority) })).toThrow(
      /^The priority of t is .*write "high", "normal" or "low"/,
    );
  });

  test("a short task of more than a minute, with the ways out", () => {
    expect(() => first.short({ timeLimit: "61s" }, run)).toThrow(
      /^user\.confirm is a short task with a time limit of 1 min 1 s; .*Make it \.interruptible\(\), or split it/,
    );
    expect(() => first.short({ timeLimit: 0 }, run)).toThrow(InvalidContractError);
    expect(() => first.short({ timeLimit: "soon" }, run)).toThrow(InvalidDurationError);
    expect(first.short({ timeLimit: "1m" }, run).name).toBe("user.confirm");
  });

  test.each([0, -1, 1.5, 1_001, Number.NaN, "3", null])("as a number of attempts: %o", (attempts) => {
    for (const make of [
      () => first.short({ attempts: anything(attempts) }, run),
      () => first.interruptible({ attempts: anything(attempts) }, run),
    ])
      expect(make).toThrow(/^attempts of user\.confirm is .*: write a whole number from 1 to 1000/);
  });

  test("an afterCrash that does not exist", () => {
    expect(() => first.short({ afterCrash: anything("rerun") }, run)).toThrow(
      'afterCrash of user.confirm is "rerun": write "hold" or "retry".',
    );
  });

  test("a task without its function", () => {
    for (const make of [
      () => first.short(anything(undefined)),
      () => first.short({ timeLimit: "3s" }, anything(undefined)),
      () => first.short(anything(null), run),
      () => first.interruptible(anything({})),
    ])
      expect(make).toThrow(/^user\.confirm has no function: \.(short|interruptible)\(\{ … options \}/);
  });
});

test("a chain built by another copy of this package is a task here", async () => {
  const file = new URL("../../../src/contract/task.ts?copy", import.meta.url).href;
  const copy = (await import(/* @vite-ignore */ file)) as { task: typeof task };
  expect(copy.task).not.toBe(task);
  const foreign = copy.task("t").payload(z.object({ a: z.number() }));
  expect(isTask(foreign)).toBe(true);
  expect(contractOf(foreign).name).toBe("t");
});

test("a NonRetryableError is known, also as the cause of another error, and never where it is not", () => {
  expect(isNonRetryable(new NonRetryableError("gone"))).toBe(true);
  expect(
    isNonRetryable(new Error("outer", { cause: new Error("middle", { cause: new NonRetryableError("gone") }) })),
  ).toBe(true);
  for (const other of [new Error("gone"), "gone", null, undefined, { cause: new NonRetryableError("x") }])
    expect(isNonRetryable(other)).toBe(false);
  const loop = new Error("a");
  loop.cause = loop;
  expect(isNonRetryable(loop)).toBe(false);
});
