import { expect, test } from "vitest";
import { z } from "zod";
import { checkLive } from "../../../src/check/live.ts";
import { emptyLockfile } from "../../../src/check/lockfile.ts";
import type { DeclaredRecords } from "../../../src/contract/declared.ts";
import { NonRetryableError } from "../../../src/contract/non-retryable.ts";
import { revisions } from "../../../src/contract/recorded.ts";
import { type InterruptibleContext, task } from "../../../src/contract/task.ts";
import { stage } from "../steps/stage.ts";

const cents = z.object({ cents: z.number() });
const priced = z.object({ cents: z.number(), currency: z.string() });
const price = (recorded: DeclaredRecords | undefined, run: (ctx: InterruptibleContext) => Promise<unknown>) =>
  task("order.price")
    .payload(z.object({ order: z.number() }))
    .interruptible({ ...(recorded && { recorded }) }, (_, ctx) => run(ctx));

/** What the check says of a code's declaration. Looking changes nothing. */
function asking(on: Awaited<ReturnType<typeof stage>>) {
  return async (recorded: DeclaredRecords | undefined) => {
    const before = (await on.sql.query("select * from taskmaster.checkpoint order by job_id, name")).rows;
    const tasks = [price(recorded, async () => {})];
    const { findings, recorded: report } = await checkLive({ tasks, base: emptyLockfile, database: on.database });
    expect((await on.sql.query("select * from taskmaster.checkpoint order by job_id, name")).rows).toEqual(before);
    return {
      told: findings
        .filter(({ rule }) => rule.startsWith("recorded-"))
        .map(({ rule, severity, title }) => `${severity} ${rule}: ${title}`)
        .sort(),
      checked: report.checked,
      undeclared: report.undeclared,
    };
  };
}

/** Two half-done jobs of a release, which have recorded a quote, a charge, a place and a mail each. */
async function halfDone() {
  const on = await stage();
  const old = price({ quote: cents }, async (ctx) => {
    await ctx.step("quote", () => ({ cents: 100 }));
    await ctx.step("charge", { once: true }, () => "paid");
    await ctx.step("mail 1", () => 1);
    await ctx.waitFor("paid");
    const source = {
      after: async function* () {
        yield* [1, 2];
      },
      cursorOf: (item: number) => item,
    };
    for await (const item of ctx.each("items", source)) if (item === 2) throw new NonRetryableError("half");
  });
  const begin = async (order: number) => {
    const { id } = await on.taskmaster.enqueue(old, { order });
    await on.taskmaster.signal("paid", { cents: order });
    const worker = await on.work([old]);
    await on.events.next("job.failed", ({ job }) => job === id);
    await worker.stop();
    return id;
  };
  const ids = [await begin(1), await begin(2)];
  return { ...on, ids, ask: asking(on), old };
}

test("what half-done jobs have recorded is held against what the new code declares: with the job, the name and the reason", async () => {
  const { ids, ask } = await halfDone();
  expect(
    await ask({
      quote: priced,
      items: z.string(),
      charge: z.string(),
      "mail *": z.number(),
      "wait for *": z.object({ by: z.string() }),
    }),
  ).toEqual({
    told: [
      expect.stringMatching(
        new RegExp(
          `^breaking recorded-refused: 2 of 2 recorded cursors of the iteration "items" would not be read: .*string.*; first: job ${ids[0]}$`,
        ),
      ),
      expect.stringMatching(
        /^breaking recorded-refused: 2 of 2 recorded payloads of the event "wait for \*" would not be read: `by`/,
      ),
      expect.stringMatching(
        new RegExp(
          `^breaking recorded-refused: 2 of 2 recorded results of step "quote" would not be read: \`currency\`.*; first: job ${ids[0]}$`,
        ),
      ),
    ],
    checked: 10,
    undeclared: 0,
  });
});

test("an upgrade reads them; what is not declared is counted, and not guessed at", async () => {
  const { ask } = await halfDone();
  const quote = revisions(cents).revise(priced, { upgrade: (older) => ({ ...older, currency: "EUR" }) });
  expect(await ask({ quote, charge: {} })).toEqual({ told: [], checked: 2, undeclared: 8 });
  expect(await ask(undefined)).toEqual({ told: [], checked: 0, undeclared: 10 });
});

test("a step that may run once and is not declared is told, unless its former name is", async () => {
  const { ids, ask } = await halfDone();
  expect((await ask({ quote: cents, pay: {} })).told).toEqual([
    `warning recorded-unclaimed: step "charge" may run once and is recorded of 2 half-done jobs, and the task does not declare it; first: job ${ids[0]}`,
  ]);
  expect((await ask({ quote: cents, pay: { formerly: "charge" } })).told).toEqual([]);
});

test("a declaration is what the step takes where it has none of its own, and what is told is what happens", async () => {
  const { ids, goOn, events } = await halfDone();
  const answers: unknown[] = [];
  const quote = revisions(cents).revise(priced, { upgrade: (older) => ({ ...older, currency: "EUR" }) });
  const renamed = price({ quote, pay: { formerly: "charge" } }, async (ctx) => {
    answers.push(await ctx.step("quote", () => ({ cents: 1, currency: "no" })));
    answers.push(await ctx.step("pay", { once: true }, () => "twice"));
  });
  await goOn(renamed, ids[0] ?? "");
  expect(answers).toEqual([{ cents: 100, currency: "EUR" }, "paid"]);
  await goOn(
    price({ quote: priced }, async (ctx) => void (await ctx.step("quote", () => 1))),
    ids[1] ?? "",
    "held",
  );
  expect(events.of("job.held").at(-1)).toMatchObject({ job: ids[1], reason: "unreadable-checkpoint" });
  expect(() => price({ quote: 7 as never }, async () => {})).toThrow(
    /recorded\["quote"\] of order.price is no declaration/,
  );
});

test("an event that has come, and that its job has not taken yet, is looked at as well", async () => {
  const on = await stage();
  const ask = asking(on);
  const waits = price(undefined, (ctx) => ctx.waitFor("paid 1"));
  const { id } = await on.taskmaster.enqueue(waits, { order: 1 });
  const worker = await on.work([waits]);
  await on.events.next("job.suspended", ({ job }) => job === id);
  await worker.stop();
  await on.taskmaster.signal("paid 0", {}); // nobody waits for it
  expect(await ask({ "wait for *": cents })).toEqual({ told: [], checked: 0, undeclared: 0 });
  await on.taskmaster.signal("paid 1", { cents: 5 });
  expect(await ask({ "wait for *": cents })).toEqual({ told: [], checked: 1, undeclared: 0 });
  expect((await ask({ "wait for *": priced })).told).toEqual([
    expect.stringMatching(
      new RegExp(
        `^breaking recorded-refused: 1 of 1 recorded payloads of the event "wait for \\*" would not be read: \`currency\`.*; first: job ${id}$`,
      ),
    ),
  ]);
});
