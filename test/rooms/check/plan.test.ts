import { describe, expect, test } from "vitest";
import { z } from "zod";
import { checkTasks } from "../../../src/check/check.ts";
import { checkedTasks, lockfileOf } from "../../../src/check/checked-task.ts";
import { planOf, prunable, statusOf } from "../../../src/check/plan.ts";
import { type AnyTask, task } from "../../../src/contract/task.ts";
import { enqueueJobs } from "../../../src/engine/enqueue.ts";
import { readProduction } from "../../../src/engine/production.ts";
import { type TestDatabase, testDatabase } from "../../setup/database.ts";
import { newJobs, register } from "../engine/cast.ts";

const first = z.object({ id: z.number(), message: z.string() });
const second = z.object({ id: z.number(), text: z.string() });
const released = task("user.confirm")
  .payload(first)
  .short(() => {});
const revised = task("user.confirm")
  .payload(first)
  .revise(second, {
    upgrade: ({ message, ...older }) => ({ ...older, text: message }),
    downgrade: ({ text, ...newer }) => ({ ...newer, message: text }),
  })
  .short(() => {});

async function plan(before: readonly AnyTask[], now: readonly AnyTask[]) {
  const base = lockfileOf(checkedTasks(before), process.cwd());
  const { findings } = await checkTasks({ tasks: now, base });
  return planOf(findings, checkedTasks(now));
}

async function status(on: TestDatabase, before: readonly AnyTask[], now: readonly AnyTask[]) {
  return statusOf(await plan(before, now), await readProduction(on.database));
}

async function enqueue(on: TestDatabase, of: AnyTask, payload: unknown): Promise<void> {
  await enqueueJobs(on.database, await newJobs(on.database, of, [payload]), { forMs: 5_000, notify: false });
}

describe("the plan", () => {
  test("of a payload that changed in place: workers, then what enqueues, then what is left over", async () => {
    const edited = task("user.confirm")
      .payload(second)
      .short(() => {});
    const { deploys } = await plan([released], [edited]);
    expect(deploys.map(({ number, until }) => [number, until.map(({ kind }) => kind)])).toEqual([
      [1, ["readers"]],
      [2, ["no-writers", "no-jobs"]],
      [3, []],
    ]);
    expect(deploys[0]?.steps[0]?.code).toContain(".revise(z.object({ id: z.number(), text: z.string() })");
  });

  test("of a task that is deleted: retire it, drained?, delete it", async () => {
    const { deploys } = await plan([released], []);
    expect(deploys.map(({ steps }) => steps[0]?.does)).toEqual([
      "Retire user.confirm: add .retired(), and remove the calls that enqueue it and its schedules (the compiler shows them). Deploy.",
      "Delete user.confirm. Deploy.",
    ]);
  });

  test("of a task that is renamed: the new name, the callers, drained?, the old name", async () => {
    const renamed = task("user.notify")
      .payload(first)
      .formerly("user.confirm")
      .short(() => {});
    const { deploys } = await plan([released], [renamed]);
    expect(deploys.map(({ until }) => until.map(({ kind, task }) => `${kind} ${task}`))).toEqual([
      ["readers user.notify"],
      ["no-writers user.confirm", "no-jobs user.confirm"],
      [],
    ]);
  });

  test("of several changes is one: the first phases are one deploy", async () => {
    const other = (schema: typeof first | typeof second) =>
      task("other")
        .payload(schema as typeof first)
        .short(() => {});
    const { deploys } = await plan([released, other(first)], [revised, other(second)]);
    expect(deploys[0]?.steps.map(({ task }) => task)).toEqual(["other", "user.confirm"]);
  });

  test("of no change is what is left of earlier ones, and nothing where nothing is", async () => {
    expect((await plan([released], [released])).deploys).toEqual([]);
    expect((await plan([revised], [revised])).deploys).toHaveLength(3);
  });
});

test("its status follows production, deploy by deploy", async () => {
  const on = await testDatabase();
  const now = async () => {
    const { now, deploys } = await status(on, [revised], [revised]);
    return { now, unmet: deploys[(now ?? 1) - 1]?.answers.filter(({ holds }) => !holds).map(({ text }) => text) };
  };
  const old = await register(on.database, { tasks: [released], release: "old" });
  await enqueue(on, released, { id: 1, message: "a" });
  expect(await now()).toEqual({
    now: 1,
    unmet: ["1 live process (release old) of user.confirm reads up to revision 1 only"],
  });

  const caller = await register(on.database, { tasks: [released], release: "old", role: "producer" });
  await register(on.database, { tasks: [revised], release: "new" });
  await on.sql.query("update taskmaster.process set stopped_at = now() where id = $1", [old.id]);
  expect(await now()).toEqual({
    now: 2,
    unmet: [
      "1 live process (release old) may still enqueue user.confirm at revision 1",
      expect.stringMatching(/^1 job \(the last due .* UTC\) of user\.confirm up to revision 1 left$/),
    ],
  });

  await on.sql.query("update taskmaster.process set stopped_at = now() where id = $1", [caller.id]);
  await on.sql.query("delete from taskmaster.job");
  expect(await now()).toEqual({ now: 3, unmet: [] });
});

test("what stands for older releases may go when nobody needs it", async () => {
  const on = await testDatabase();
  const chain = checkedTasks([
    revised,
    task("gone")
      .payload(first)
      .retired()
      .short(() => {}),
    task("new")
      .payload(first)
      .formerly("old")
      .short(() => {}),
  ]);
  const answer = async () =>
    prunable(chain, await readProduction(on.database)).map(({ task, kind, mayGo }) => `${task} ${kind} ${mayGo}`);
  await enqueue(on, task("old").payload(first), { id: 1, message: "a" });
  await enqueue(on, task("gone").payload(first), { id: 1, message: "a" });
  await enqueue(on, released, { id: 1, message: "a" });
  await register(on.database, { tasks: [revised], release: "new" });
  expect(await answer()).toEqual([
    "gone retired-task false",
    "new former-name false",
    "user.confirm revisions false",
    "user.confirm downgrades true",
  ]);
  await on.sql.query("delete from taskmaster.job");
  expect(await answer()).toEqual([
    "gone retired-task true",
    "new former-name true",
    "user.confirm revisions true",
    "user.confirm downgrades true",
  ]);
});
