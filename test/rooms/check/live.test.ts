import { describe, expect, test } from "vitest";
import { z } from "zod";
import { checkedTasks, lockfileOf } from "../../../src/check/checked-task.ts";
import { checkLive } from "../../../src/check/live.ts";
import { emptyLockfile, type Lockfile } from "../../../src/check/lockfile.ts";
import { definitionOf, schedule } from "../../../src/contract/schedule.ts";
import { type AnyTask, task } from "../../../src/contract/task.ts";
import { enqueueJobs } from "../../../src/engine/enqueue.ts";
import { type TestDatabase, testDatabase } from "../../setup/database.ts";
import { newJobs, register } from "../engine/cast.ts";

const first = z.object({ id: z.number(), message: z.string() });
const second = z.object({ id: z.number(), message: z.string(), date: z.string() });
const released = task("user.confirm")
  .payload(first)
  .short(() => {});
const revised = (upgrade: (older: z.infer<typeof first>) => z.infer<typeof second>) =>
  task("user.confirm")
    .payload(first)
    .revise(second, { upgrade })
    .short(() => {});

function lock(...tasks: AnyTask[]): Lockfile {
  return lockfileOf(checkedTasks(tasks), process.cwd());
}

async function enqueued(on: TestDatabase, of: AnyTask, payloads: readonly unknown[]): Promise<void> {
  await enqueueJobs(on.database, await newJobs(on.database, of, payloads), { forMs: 5_000, notify: false });
}

async function ask(on: TestDatabase, tasks: readonly AnyTask[], base: Lockfile = emptyLockfile) {
  const report = await checkLive({ tasks, base, database: on.database });
  return {
    ...report,
    told: report.findings.map(({ rule, severity, title, live }) => ({ rule, severity, title, live })),
  };
}

describe("the backlog", () => {
  test("jobs that the new code would refuse are counted by reason, with the first of them", async () => {
    const on = await testDatabase();
    await enqueued(
      on,
      released,
      Array.from({ length: 700 }, (_, id) => ({ id, message: id % 100 === 7 ? "" : "a" })),
    );
    await on.sql.query("update taskmaster.job set run_at = '2126-12-01 08:00Z' where (payload->>'message') = ''");
    const hasty = revised(
      ({ message, ...older }) => ({ ...older, message, ...(message !== "" && { date: "today" }) }) as never,
    );
    const { told, backlog } = await ask(on, [hasty], lock(hasty));
    expect(backlog.payloads).toBe(700);
    expect(told.filter(({ rule }) => rule === "backlog-refused")).toEqual([
      {
        rule: "backlog-refused",
        severity: "breaking",
        title: expect.stringMatching(
          /^7 of 700 jobs of revision 1 would fail: `date` is missing; first: job \d+, scheduled for 2126-12-01 08:00 UTC$/,
        ),
        live: undefined,
      },
    ]);
    const careful = revised((older) => ({ ...older, date: "today" }));
    expect((await ask(on, [careful], lock(careful))).told).toEqual([]);
  });

  test("what failed, is held, or stands in a schedule is looked at as well; what was cancelled is not", async () => {
    const on = await testDatabase();
    await enqueued(
      on,
      released,
      Array.from({ length: 4 }, (_, id) => ({ id, message: "a" })),
    );
    await on.sql.query(`
      with gone as (delete from taskmaster.job returning *)
      insert into taskmaster.parked
      select id, (array['failed', 'held', 'cancelled', 'failed'])[1 + (payload->>'id')::int], 'by-hand', '', now(), null, lane, run_at, enqueued_at, 0, 0, 0, 0, null, payload, null
      from gone`);
    const nightly = schedule("nightly", { cron: "0 3 * * *", task: released, payload: { id: 1, message: "night" } });
    const { lane } = (await on.sql.query("select lane from taskmaster.parked limit 1")).rows[0];
    const { cron, timeZone, payload } = definitionOf(nightly);
    await on.sql.query(
      "insert into taskmaster.schedule values ('nightly', 1, $1, $2, $3, 'user.confirm', $4, null, now() + interval '1 h')",
      [cron, timeZone, lane, JSON.stringify(payload)],
    );
    const broken = revised(() => {
      throw new Error("no clock");
    });
    const { told } = await ask(on, [broken], lock(broken));
    expect(told.find(({ rule }) => rule === "backlog-refused")?.title).toMatch(
      /^4 of 4 jobs of revision 1 would fail: the upgrade to revision 2 throws: no clock; first: job \d+, failed$/,
    );
  });

  test("jobs of newer revisions and of unknown tasks are told, by who else reads them", async () => {
    const on = await testDatabase();
    const newer = revised((older) => ({ ...older, date: "x" }));
    const other = task("other")
      .payload(first)
      .short(() => {});
    await enqueued(on, newer, [{ id: 1, message: "a", date: "b" }]);
    await enqueued(on, other, [{ id: 1, message: "a" }]);
    const alone = await ask(on, [released], lock(released));
    expect(alone.told.map(({ rule, severity }) => [rule, severity])).toEqual([
      ["backlog-unreadable", "breaking"],
      ["backlog-unreadable", "breaking"],
    ]);
    await register(on.database, { tasks: [other] });
    const beside = await ask(on, [released], lock(released));
    expect(beside.told.map(({ title, severity }) => `${severity}: ${title}`)).toEqual([
      expect.stringMatching(
        /^breaking: 1 job \(the last due .*\) of revision 2 cannot be read: this code reads 1 to 1$/,
      ),
      expect.stringMatching(/^note: 1 job \(.*\) of revision 1 are of a task that this code does not know$/),
    ]);
  });

  test("a task that only older releases of the same program know was deleted, whatever the lockfile says", async () => {
    const on = await testDatabase();
    const other = task("other")
      .payload(first)
      .short(() => {});
    await enqueued(on, other, [{ id: 1, message: "a" }]);
    await register(on.database, { tasks: [released, other] });
    expect((await ask(on, [released], lock(released))).told).toMatchObject([
      {
        rule: "backlog-unreadable",
        severity: "breaking",
        title: expect.stringContaining("a task that this code does not know"),
      },
    ]);
  });

  test("a rendition that an older release reads is what is run", async () => {
    const on = await testDatabase();
    const newer = task("user.confirm")
      .payload(first)
      .revise(second, { upgrade: (older) => ({ ...older, date: "x" }), downgrade: ({ date: _, ...older }) => older })
      .short(() => {});
    await enqueued(
      on,
      newer,
      Array.from({ length: 10 }, (_, id) => ({ id, message: "a", date: "b" })),
    );
    const { told, backlog } = await ask(on, [released], lock(released));
    expect({ told, counts: backlog.counts.map(({ jobs, failing }) => ({ jobs, failing })) }).toEqual({
      told: [],
      counts: [{ jobs: 10, failing: 0 }],
    });
  });

  test("large payloads are read in smaller pages, and every one is seen", async () => {
    const on = await testDatabase();
    await enqueued(
      on,
      released,
      Array.from({ length: 60 }, (_, id) => ({ id, message: "x".repeat(id < 20 ? 1 : 400_000) })),
    );
    const { backlog } = await ask(on, [released], lock(released));
    expect(backlog.counts.map(({ jobs, failing }) => ({ jobs, failing }))).toEqual([{ jobs: 60, failing: 0 }]);
  });
});

describe("what is gone", () => {
  test("a dropped revision breaks while jobs of it are left or may come, and is safe right now when none is", async () => {
    const on = await testDatabase();
    const before = lock(revised((older) => ({ ...older, date: "x" })));
    const dropped = task("user.confirm")
      .payload(second, { revision: 2 })
      .short(() => {});
    await enqueued(on, released, [{ id: 1, message: "a" }]);
    await register(on.database, { tasks: [released], release: "old" });
    expect((await ask(on, [dropped], before)).told).toEqual([
      {
        rule: "revision-dropped",
        severity: "breaking",
        title: "revision 1 was dropped from the chain",
        live: expect.stringMatching(
          /^1 live process \(release old\) may still enqueue user\.confirm at revision 1; 1 job \(the last due .*\) of user\.confirm up to revision 1 left\.$/,
        ),
      },
    ]);
    await on.sql.query("delete from taskmaster.job; update taskmaster.process set stopped_at = now()");
    expect((await ask(on, [dropped], before)).told).toMatchObject([
      { severity: "note", live: expect.stringContaining("safe right now") },
    ]);
  });

  test("the same for a task that was deleted", async () => {
    const on = await testDatabase();
    await enqueued(on, released, [{ id: 1, message: "a" }]);
    expect((await ask(on, [], lock(released))).told).toMatchObject([{ rule: "task-deleted", severity: "breaking" }]);
    await on.sql.query("delete from taskmaster.job");
    expect((await ask(on, [], lock(released))).told).toMatchObject([{ rule: "task-deleted", severity: "note" }]);
  });
});

describe("what is live", () => {
  test("a payload that contradicts what live processes registered is told, whatever the lockfile says", async () => {
    const on = await testDatabase();
    await register(on.database, { tasks: [released] });
    const edited = task("user.confirm")
      .payload(second)
      .short(() => {});
    expect((await ask(on, [edited], lock(edited))).told).toMatchObject([
      {
        rule: "payload-changed",
        severity: "breaking",
        live: expect.stringContaining("live processes have registered"),
      },
    ]);
  });

  test("a rollback is no finding of its own: what it would strand is", async () => {
    const on = await testDatabase();
    const newer = revised((older) => ({ ...older, date: "x" }));
    await register(on.database, { tasks: [newer], release: "new" });
    expect((await ask(on, [released], lock(released))).told).toMatchObject([
      { rule: "revision-withdrawn", severity: "note", live: expect.stringContaining("this is a rollback") },
    ]);
    await enqueued(on, newer, [{ id: 1, message: "a", date: "b" }]);
    expect((await ask(on, [released], lock(released))).told).toMatchObject([
      { rule: "backlog-unreadable", severity: "breaking" },
      { rule: "revision-withdrawn", severity: "note" },
    ]);
  });

  test("what each live release reads and writes is told", async () => {
    const on = await testDatabase();
    await register(on.database, { tasks: [released], release: "old" });
    await register(on.database, {
      tasks: [revised((older) => ({ ...older, date: "x" }))],
      release: "new",
      role: "producer",
    });
    expect((await ask(on, [released], lock(released))).releases).toEqual([
      { release: "old", workers: 1, producers: 0, tasks: { "user.confirm": { reads: [1, 1], writes: 1 } } },
      { release: "new", workers: 0, producers: 1, tasks: { "user.confirm": { writes: 2 } } },
    ]);
  });

  test("a lower time limit is held against what runs took", async () => {
    const on = await testDatabase();
    await enqueued(on, released, [{ id: 1, message: "a" }]);
    await on.sql.query(`insert into taskmaster.succeeded (process, jobs, lanes, failures, waited_ms, ran_ms)
      select 1, array[1, 2, 3], array[id, id, id], array[0, 0, 0], array[0, 0, 0], array[900, 4000, 7000] from taskmaster.lane;
      delete from taskmaster.job`);
    const limited = (timeLimit: string) =>
      task("user.confirm")
        .payload(first)
        .short({ timeLimit }, () => {});
    expect((await ask(on, [limited("5s")], lock(released))).told).toMatchObject([
      {
        rule: "time-limit-lowered",
        severity: "breaking",
        live: "1 of 3 runs of the last seven days took longer, the longest 7.0 s.",
      },
    ]);
    expect((await ask(on, [limited("10s")], lock(released))).told).toMatchObject([
      { severity: "note", live: "the longest of 3 runs of the last seven days took 7.0 s." },
    ]);
  });

  test("a live release that enqueues what the code has forgotten", async () => {
    const on = await testDatabase();
    await register(on.database, { tasks: [released], release: "old", role: "producer" });
    const dropped = task("user.confirm")
      .payload(second, { revision: 2 })
      .short(() => {});
    expect((await ask(on, [dropped], lock(dropped))).told).toMatchObject([
      {
        rule: "writer-unreadable",
        severity: "breaking",
        title: "the live release old enqueues revision 1, and this code begins at revision 2",
      },
    ]);
  });

  test("a queue that no live worker works breaks", async () => {
    const on = await testDatabase();
    const moved = task("user.confirm", { queue: "mail" })
      .payload(first)
      .short(() => {});
    await register(on.database, { tasks: [released], queues: ["default"] });
    expect((await ask(on, [moved], lock(released))).told).toMatchObject([
      { rule: "queue-moved", severity: "breaking", live: "no live worker works the queue mail" },
    ]);
    await register(on.database, { tasks: [released], queues: null });
    expect((await ask(on, [moved], lock(released))).told).toMatchObject([{ rule: "queue-moved", severity: "warning" }]);
  });
});
