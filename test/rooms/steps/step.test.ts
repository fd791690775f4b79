import { NonRetryableError, revisions, type Step, task } from "taskmaster";
import { expect, test } from "vitest";
import { z } from "zod";
import { gate, stage } from "./stage.ts";

const empty = z.object({});
const soon = { backoff: { first: 1, max: 1 } };

test("a step runs once: the next attempt is answered from its record, as JSON gives it back", async () => {
  const { run, checkpoints, sql } = await stage();
  const ran: string[] = [];
  const seen: unknown[] = [];
  const once = task("steps.once")
    .payload(empty)
    .interruptible(soon, async (_, ctx) => {
      const first = await ctx.step("first", () => {
        ran.push("first");
        return { n: 1, left: undefined as string | undefined, deep: [{ text: "ü\n" }] };
      });
      const nothing = await ctx.step("nothing", async () => void ran.push("nothing"));
      const none = await ctx.step("null", () => null);
      seen.push([first, nothing, none, Object.keys(first)]);
      if (ctx.job.attempt < 3) throw new Error("again");
    });
  const id = await run(once, {});
  expect(ran).toEqual(["first", "nothing"]);
  expect(seen).toHaveLength(3);
  for (const each of seen) expect(each).toEqual([{ n: 1, deep: [{ text: "ü\n" }] }, undefined, null, ["n", "deep"]]);
  expect(await checkpoints(id)).toEqual([]); // gone with the success
  expect((await sql.query("select from taskmaster.failure")).rows).toHaveLength(2);
});

test("what a task records stays while its job fails, is given back by hand, and goes on", async () => {
  const { run, goOn, checkpoints } = await stage();
  const ran: string[] = [];
  let mended = false;
  const half = task("steps.half")
    .payload(empty)
    .interruptible({ attempts: 1 }, async (_, ctx) => {
      await ctx.step("first", () => void ran.push("first"));
      await ctx.step("second", () => {
        ran.push("second");
        if (!mended) throw new Error("not yet");
      });
    });
  const id = await run(half, {}, "failed");
  expect(await checkpoints(id)).toEqual([{ name: "first", kind: "step", seq: 1, value: null }]);
  mended = true;
  await goOn(half, id);
  expect(ran).toEqual(["first", "second", "second"]);
});

test("a name twice is an error that names ctx.each", async () => {
  const { run, events } = await stage();
  const twice = task("steps.twice")
    .payload(empty)
    .interruptible({ attempts: 1 }, async (_, ctx) => {
      for (const user of [1, 2]) await ctx.step("mail", () => user);
    });
  await run(twice, {}, "failed");
  expect(events.of("job.failed")[0]?.error).toMatchObject({
    name: "StepNameError",
    message: expect.stringMatching(/used the name "mail" before.*ctx\.each/s),
  });
});

test.each([
  ["a Date", () => ({ at: new Date(0) }) as unknown as string, /is not JSON at \.at: a Date/],
  ["more than 1 MB", () => "x".repeat(1_000_001), /1,000,003 bytes of JSON; the limit is 1,000,000/],
])("a result that is %s holds the job, because a rerun would repeat the effects", async (_, result, message) => {
  const { run, events } = await stage();
  const ran: number[] = [];
  const wrong = task("steps.wrong")
    .payload(empty)
    .interruptible(soon, async (_, ctx) => {
      await ctx.step("result", () => {
        ran.push(1);
        return result();
      });
    });
  await run(wrong, {}, "held");
  expect(ran).toHaveLength(1);
  const [held] = events.of("job.held");
  expect(held?.reason).toBe("unrecordable-result");
  expect(held?.detail).toMatch(message);
  expect(held?.detail).toContain('The result of step "result" of steps.wrong');
});

test("a step has its own tries, time limit and key", async () => {
  const { run } = await stage();
  const keys = new Set<string>();
  const seen: unknown[] = [];
  const own = task("steps.own")
    .payload(empty)
    .interruptible({ attempts: 1 }, async (_, ctx) => {
      await ctx.step("third time", { attempts: 3, backoff: { first: 1, max: 1 } }, ({ attempt, key }) => {
        keys.add(key);
        if (attempt < 3) throw new Error("not yet");
      });
      const final = (step: Step) => {
        seen.push(step.attempt);
        throw new NonRetryableError("no");
      };
      await ctx.step("no use", { attempts: 3 }, final).catch((error: Error) => seen.push(error.message));
      const hangs = ({ signal }: Step) =>
        new Promise<void>((_, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))));
      await ctx.step("hangs", { timeLimit: 20 }, hangs).catch((error: Error) => seen.push(error.name, error.message));
      keys.add(await ctx.step("other", ({ key }) => key));
    });
  await run(own, {});
  expect(seen).toEqual([
    1,
    "no",
    "StepTimeLimitError",
    'Step "hangs" of steps.own has run for longer than its time limit of 20 ms.',
  ]);
  expect(keys.size).toBe(2);
  for (const key of keys) expect(key).toMatch(/^[\da-f]{8}-[\da-f]{4}-8[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
});

test("a schema checks a result, gives its output, and upgrades what an older release recorded", async () => {
  const { run, goOn, events, checkpoints } = await stage();
  const v1 = z.object({ cents: z.number() });
  const v2 = revisions(v1).revise(z.object({ cents: z.number(), currency: z.string() }), {
    upgrade: (older) => ({ ...older, currency: "EUR" }),
    downgrade: ({ currency: _, ...older }) => older,
  });
  const v3 = v2.revise(z.object({ price: z.string() }), { upgrade: ({ cents }) => ({ price: `${cents}` }) });
  const seen: unknown[] = [];
  let fail = true;
  const quote = (schema: z.ZodType<{ cents: number }> | typeof v2 | typeof v3, result: never) =>
    task("steps.quote")
      .payload(empty)
      .interruptible({ attempts: 1 }, async (_, ctx) => {
        seen.push(await ctx.step("quote", { schema: schema as typeof v2 }, () => result));
        if (fail) throw new Error("the worker is deployed");
      });
  const id = await run(quote(v1, { cents: 5 } as never), {}, "failed");
  await goOn(quote(v2, undefined as never), id, "failed"); // the next release reads it
  expect(seen).toEqual([{ cents: 5 }, { cents: 5, currency: "EUR" }]);
  expect(await checkpoints(id)).toMatchObject([{ value: { cents: 5 } }]);
  await goOn(quote(z.object({ cents: z.string() }) as never, undefined as never), id, "held");
  expect(events.of("job.held")[0]).toMatchObject({ reason: "unreadable-checkpoint" });
  expect(events.of("job.held")[0]?.detail).toMatch(/the result of step "quote" of steps.quote.*cents/s);
  fail = false;
  await goOn(quote(v3, undefined as never), id);
  expect(seen.at(-1)).toEqual({ price: "5" });

  const refused = task("steps.refused")
    .payload(empty)
    .interruptible(async (_, ctx) => {
      await ctx.step("quote", { schema: v1 }, () => ({ cents: "5" }) as never);
    });
  await run(refused, {}, "held");
  expect(events.of("job.held").at(-1)).toMatchObject({
    reason: "unrecordable-result",
    detail: expect.stringMatching(/does not fit its schema: cents/),
  });
});

test("an older release goes on with what a newer one recorded, by its downgrade", async () => {
  const { run, goOn } = await stage();
  const v1 = revisions(z.object({ cents: z.number() }));
  const v2 = v1.revise(z.object({ cents: z.number(), currency: z.string() }), {
    upgrade: (older) => ({ ...older, currency: "EUR" }),
    downgrade: ({ currency: _, ...older }) => older,
  });
  const seen: unknown[] = [];
  const newer = task("steps.rollback")
    .payload(empty)
    .interruptible({ attempts: 1 }, async (_, ctx) => {
      await ctx.step("quote", { schema: v2 }, () => ({ cents: 5, currency: "CHF" }));
      throw new Error("rolled back");
    });
  const older = task("steps.rollback")
    .payload(empty)
    .interruptible({ attempts: 1 }, async (_, ctx) => {
      seen.push(await ctx.step("quote", { schema: v1 }, () => ({ cents: 0 })));
    });
  const id = await run(newer, {}, "failed");
  await goOn(older, id);
  expect(seen).toEqual([{ cents: 5 }]);
});

test("a step that may run once and threw holds the job; a person lets it run again", async () => {
  const { run, goOn, events, checkpoints } = await stage();
  let charges = 0;
  const charge = task("steps.charge")
    .payload(empty)
    .interruptible(soon, async (_, ctx) => {
      await ctx.step("charge", { once: true }, () => {
        if (++charges === 1) throw new Error("the bank did not answer");
      });
    });
  const id = await run(charge, {}, "held");
  expect(events.of("job.held")[0]).toMatchObject({
    reason: "unclear-step",
    detail: expect.stringContaining("the bank did not answer"),
  });
  expect(await checkpoints(id)).toMatchObject([{ name: "charge", kind: "begun" }]);
  await goOn(charge, id);
  expect(charges).toBe(2);
});

test("a renamed step that may run once is told, and not run again; formerly makes it the same", async () => {
  const { run, goOn, events } = await stage();
  const ran: string[] = [];
  const release = (name: string, formerly: string[], fail: boolean) =>
    task("steps.renamed")
      .payload(empty)
      .interruptible({ attempts: 1 }, async (_, ctx) => {
        await ctx.step(name, { once: true, formerly }, () => void ran.push(name));
        if (fail) throw new Error("deploy");
      });
  const id = await run(release("charge", [], true), {}, "failed");
  await goOn(release("charge card", [], false), id, "held");
  expect(events.of("job.held")[0]).toMatchObject({
    reason: "step-renamed",
    detail: expect.stringContaining('formerly: "charge"'),
  });
  await goOn(release("charge card", ["charge"], false), id);
  expect(ran).toEqual(["charge"]);
});

test("what is recorded and no longer asked for is told", async () => {
  const { run, events } = await stage();
  const removed = task("steps.removed")
    .payload(empty)
    .interruptible(soon, async (_, ctx) => {
      if (ctx.job.attempt > 1) return;
      await ctx.step("old", () => 1);
      throw new Error("again");
    });
  await run(removed, {});
  expect(events.of("checkpoint.unused")).toEqual([]); // it asked for nothing: nothing was read
  const other = task("steps.other")
    .payload(empty)
    .interruptible(soon, async (_, ctx) => {
      await ctx.step(ctx.job.attempt === 1 ? "old" : "new", () => 1);
      if (ctx.job.attempt === 1) throw new Error("again");
    });
  const id = await run(other, {});
  expect(events.of("checkpoint.unused")).toMatchObject([{ job: id, names: ["old"] }]);
});

test("checkpoints of steps in flight are gathered, and a step costs one round trip", async () => {
  const { run, taskmaster, work, events, database } = await stage();
  const { Database } = await import("../../../src/engine/database.ts");
  const sent: unknown[][] = [];
  const query = Database.prototype.query;
  Database.prototype.query = function (this: typeof database, statement, values, bounds) {
    if (statement.name.startsWith("taskmaster_checkpoint")) sent.push([statement.name, values]);
    return query.call(this, statement, values, bounds) as never;
  } as typeof query;
  try {
    const one = task("steps.one")
      .payload(empty)
      .interruptible(async (_, ctx) => {
        await ctx.step("only", () => 1);
      });
    await run(one, {});
    expect(sent.map(([name]) => name)).toEqual(["taskmaster_checkpoint_record"]);
    sent.length = 0;
    const row = task("steps.row")
      .payload(empty)
      .interruptible(async (_, ctx) => {
        for (let n = 0; n < 20; n++) await ctx.step(`step ${n}`, () => n);
      });
    await run(row, {});
    expect(sent.map(([name]) => name)).toEqual(Array(20).fill("taskmaster_checkpoint_record"));
    sent.length = 0;
    const all = gate();
    let begun = 0;
    const together = task("steps.together")
      .payload(empty)
      .interruptible(async (_, ctx) => {
        const step = (name: string) =>
          ctx.step(name, async () => {
            if (++begun === 30) all.open();
            await all.opened;
          });
        await Promise.all([step("a"), step("b"), step("c")]);
      });
    await taskmaster.enqueueMany(together, Array(10).fill({}));
    const worker = await work([together]);
    await events.next("job.succeeded", ({ task }) => task === "steps.together", 10);
    await worker.stop();
    expect(sent.length).toBeLessThanOrEqual(2);
  } finally {
    Database.prototype.query = query;
  }
});

test("a time limit that is longer than any timer of Node's ends nothing at once", async () => {
  const { run, checkpoints } = await stage();
  let signal: AbortSignal | undefined;
  const slow = task("steps.month")
    .payload(empty)
    .interruptible({ attempts: 1 }, async (_, ctx) => {
      await ctx.step("wait", { timeLimit: "30 days" }, async (step) => {
        signal = step.signal;
        await new Promise((resolve) => setTimeout(resolve, 50));
      });
    });
  expect(await checkpoints(await run(slow, {}))).toEqual([]); // it has succeeded
  expect(signal?.aborted).toBe(false);
});

test("an attempt ends after all the steps that it began, waited for or not", async () => {
  const { run, events } = await stage();
  const order: string[] = [];
  const slow = gate();
  const floating = task("steps.floating")
    .payload(empty)
    .interruptible({ attempts: 1 }, async (_, ctx) => {
      void ctx.step("slow", async () => {
        await slow.opened;
        order.push("slow");
      });
      await ctx.step("quick", () => {
        setTimeout(slow.open, 20);
        throw new Error("quick failed");
      });
    });
  const running = run(floating, {}, "failed");
  await running;
  order.push("failed");
  expect(order).toEqual(["slow", "failed"]);
  expect(events.of("job.failed")).toHaveLength(1);
});
