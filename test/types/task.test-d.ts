// Compiled, never run: `npm run types` fails where a line below a @ts-expect-error does compile, or another one does not.
import { toStandardJsonSchema } from "@valibot/to-json-schema";
import { type } from "arktype";
import {
  chain,
  type InputOf,
  type InterruptibleContext,
  type OutputOf,
  type Queryable,
  type ShortContext,
  schedule,
  Taskmaster,
  task,
} from "taskmaster";
import { Worker } from "taskmaster/worker";
import * as v from "valibot";
import { z } from "zod";

const first = task("user.confirm").payload(z.object({ id: z.number(), message: z.string() }));
const second = first.revise(z.object({ id: z.number(), message: z.string(), date: z.string() }), {
  upgrade: (old) => ({ ...old, date: "2017-12-24" }),
  downgrade: ({ date: _, ...old }) => old,
});
const confirm = second.short({ timeLimit: "30s" }, async ({ id, message, date }) => {
  const _: [number, string, string] = [id, message, date];
});

/** Compiles only where both are the same type. */
function same<A, B>(..._: [A] extends [B] ? ([B] extends [A] ? [] : [never]) : [never]): void {}
same<InputOf<typeof confirm>, { id: number; message: string; date: string }>();
same<InputOf<typeof first>, { id: number; message: string }>();
same<OutputOf<typeof confirm>, { id: number; message: string; date: string }>();

// Revisions
// @ts-expect-error a revision needs an upgrade
first.revise(z.object({ id: z.string() }), {});
// @ts-expect-error an upgrade of the wrong type
first.revise(z.object({ id: z.string() }), { upgrade: (old) => ({ id: old.id }) });
// @ts-expect-error an upgrade that leaves something out
first.revise(z.object({ id: z.number(), date: z.string() }), { upgrade: (old) => ({ id: old.id }) });
// @ts-expect-error an upgrade of something that the older revision does not have
first.revise(z.object({ id: z.string() }), { upgrade: (old) => ({ id: old.name }) });
first.revise(z.object({ id: z.string() }), {
  upgrade: (old) => ({ id: String(old.id) }),
  // @ts-expect-error a downgrade of the wrong type
  downgrade: (newer) => ({ id: newer.id, message: "" }),
});
// @ts-expect-error a task with its function has no further revisions
confirm.revise(z.object({ id: z.string() }), { upgrade: () => ({ id: "" }) });
// Upgrades may take their time, and see what was written, not what the schema makes of it.
task("sized")
  .payload(z.object({ size: z.number().default(1) }))
  .revise(z.object({ size: z.number() }), { upgrade: async ({ size }) => ({ size: size ?? 1 }) });

// Functions
second.short((_, ctx) => {
  const { signal, deadline, job }: ShortContext = ctx;
  const _all: [AbortSignal, Date, string, number] = [signal, deadline, job.id, job.attempt];
});
second.interruptible({ attempts: 3, backoff: { first: "1s" } }, (payload, ctx: InterruptibleContext) => [
  payload.date,
  ctx.job,
]);
// @ts-expect-error an interruptible task has no time limit
second.interruptible({ timeLimit: "30s" }, async () => {});
// @ts-expect-error nor a deadline
second.interruptible((_, ctx) => ctx.deadline);
// @ts-expect-error a payload that the task does not have
second.short(({ name }) => name);
// @ts-expect-error not a way to go on after a crash
second.short({ afterCrash: "rerun" }, async () => {});

// What is not JSON
// @ts-expect-error a Date
task("t").payload(z.object({ at: z.date() }));
// @ts-expect-error a Date in a list
task("t").payload(z.object({ at: z.array(z.object({ on: z.date() })) }));
// @ts-expect-error a bigint
task("t").payload(z.object({ id: z.bigint() }));
// @ts-expect-error a bigint that is optional
task("t").payload(z.object({ id: z.bigint().optional() }));
// @ts-expect-error a bigint in a union
task("t").payload(z.union([z.object({ a: z.string() }), z.object({ b: z.bigint() })]));
// @ts-expect-error a Map
task("t").payload(z.object({ names: z.map(z.string(), z.string()) }));
// @ts-expect-error a Set
task("t").payload(z.set(z.string()));
// @ts-expect-error a symbol
task("t").payload(z.object({ s: z.symbol() }));
// @ts-expect-error a function
task("t").payload(z.object({ f: z.custom<() => void>() }));
// @ts-expect-error a Date of Valibot
task("t").payload(toStandardJsonSchema(v.object({ at: v.date() })));
// @ts-expect-error a Date of ArkType
task("t").payload(type({ at: "Date" }));
// @ts-expect-error a later revision, too
first.revise(z.object({ at: z.date() }), { upgrade: () => ({ at: new Date() }) });
// A codec is: it is stored in its JSON form, and the function gets the other one.
const dated = task("dated").payload(
  z.object({ at: z.codec(z.iso.datetime(), z.date(), { decode: (s) => new Date(s), encode: (d) => d.toISOString() }) }),
);
same<InputOf<typeof dated>, { at: string }>();
same<OutputOf<typeof dated>, { at: Date }>();
dated.short(({ at }) => at.getTime());
// So are unknown parts, records, tuples, recursion.
task("t").payload(
  z.object({ a: z.unknown(), b: z.any(), c: z.record(z.string(), z.json()), d: z.tuple([z.string()]) }),
);
interface Tree {
  readonly name: string;
  readonly children: readonly Tree[];
}
task("t").payload(z.custom<Tree>() as z.ZodType<Tree>);
task("t")
  .payload(toStandardJsonSchema(v.object({ name: v.string() })))
  .short(({ name }) => name.trim());
task("t")
  .payload(type({ name: "string" }))
  .short(({ name }) => name.trim());

// Enqueueing
const taskmaster = new Taskmaster({ tasks: [confirm, first] });
const right = { id: 1, message: "hello", date: "2017-12-24" };
taskmaster.enqueue(confirm, right);
taskmaster.enqueue(second, right, { key: "1", delay: "5s", priority: "low", queue: "mail" });
taskmaster.enqueue(dated, { at: new Date().toISOString() }, { runAt: new Date() });
taskmaster.enqueueMany(confirm, [right, right], { priority: "high" });
declare const client: Queryable;
taskmaster.enqueue(confirm, right, { within: client });
// @ts-expect-error an older revision's payload
taskmaster.enqueue(confirm, { id: 1, message: "hello" });
// @ts-expect-error a property of the wrong type
taskmaster.enqueue(confirm, { ...right, id: "1" });
// @ts-expect-error a property that nobody declared
taskmaster.enqueue(confirm, { id: 1, message: "hello", date: "", more: true });
// @ts-expect-error no payload
taskmaster.enqueue(confirm);
// @ts-expect-error the form that the function gets
taskmaster.enqueue(dated, { at: new Date() });
// @ts-expect-error one wrong payload of many
taskmaster.enqueueMany(confirm, [right, { id: 1 }]);
// @ts-expect-error one key for many jobs
taskmaster.enqueueMany(confirm, [right], { key: "1" });
// @ts-expect-error an option that does not exist
taskmaster.enqueue(confirm, right, { dealy: "5s" });
// @ts-expect-error a priority that does not exist
taskmaster.enqueue(confirm, right, { priority: "urgent" });
// @ts-expect-error a retired task
taskmaster.enqueue(confirm.retired(), right);
// @ts-expect-error a retired contract
taskmaster.enqueue(second.retired(), right);
// @ts-expect-error many of a retired task
taskmaster.enqueueMany(confirm.retired(), [right]);
// @ts-expect-error something that is no task
taskmaster.enqueue({ name: "user.confirm" }, right);
// @ts-expect-error a task without a payload
taskmaster.enqueue(task("t"), {});

// Working
new Worker({ tasks: [confirm, confirm.retired(), second.interruptible(async () => {})] });
// @ts-expect-error a contract without a function
new Worker({ tasks: [second] });
// @ts-expect-error one of them without a function
new Worker({ tasks: [confirm, first] });
// @ts-expect-error no tasks
new Worker({});

// Schedules
schedule("nightly", { cron: "0 3 * * *", timeZone: "Europe/Paris", task: confirm, payload: right });
// @ts-expect-error a wrong payload
schedule("nightly", { cron: "0 3 * * *", task: confirm, payload: { id: 1 } });
// @ts-expect-error a retired task
schedule("nightly", { cron: "0 3 * * *", task: confirm.retired(), payload: right });

// Chains
const fetched = task("fetch")
  .payload(z.object({ id: z.number() }))
  .short(async ({ id }) => ({ name: String(id) }));
const scored = task("score")
  .payload(z.object({ name: z.string() }))
  .short(({ name }) => ({ score: name.length }));
const told = task("tell")
  .payload(z.object({ score: z.number() }))
  .short(() => {});
const whole = chain("whole", fetched, scored, told);
same<InputOf<typeof whole>, { id: number }>();
chain(fetched, scored);
// @ts-expect-error what fetch answers is not what tell takes
chain(fetched, told);
// @ts-expect-error the last answers nothing
chain(fetched, scored, told, fetched);

// Steps
second.interruptible(async ({ id }, ctx) => {
  const listed = await ctx.step("list", async () => [{ id, at: "2026-01-01" }]);
  same<typeof listed, { id: number; at: string }[]>();
  const dated = await ctx.step("dated", () => ({ at: new Date() }));
  // @ts-expect-error a Date would come back as text
  dated.at;
  const sized = await ctx.step("sized", { schema: z.object({ size: z.number().default(1) }) }, () => ({}));
  same<typeof sized, { size: number }>();
  for await (const one of ctx.each("each", listed)) same<typeof one, { id: number; at: string }>();
  // @ts-expect-error a payload that the task does not take
  await ctx.enqueue(scored, { name: 1 });
  const paid = await ctx.waitFor("paid", { schema: z.object({ cents: z.number() }), timeout: "1 day" });
  same<typeof paid, { cents: number } | undefined>();
});
