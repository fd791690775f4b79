import { expect, test } from "vitest";
import { beginAttempts } from "../../../src/engine/begin.ts";
import { releaseJobs } from "../../../src/engine/release.ts";
import { parkJobs, recordOverrun, retryJobs, succeedJobs } from "../../../src/engine/settle.ts";
import { testDatabase } from "../../setup/database.ts";
import { enqueue, register, short, success } from "./cast.ts";
import { Stepped } from "./stepped.ts";

const _ids = (jobs: readonly { readonly id: string }[]) => jobs.map(({ id }) => id);
const failure = { kind: "error", name: "Error", message: "no", stack: null } as const;

/** Every way to end or touch an attempt, with the fence of the job that it is given. */
const verbs = {
  succeed: (on, process, job) => succeedJobs(on, process, [success(job)], []).then((lost) => 1 - lost.length),
  retry: (on, process, job) => retryJobs(on, process, [{ ...job, waitMs: 0, failure }]).then(({ size }) => size),
  park: (on, process, job) =>
    parkJobs(on, process, [{ ...job, state: "failed", reason: "x", detail: "", failure }]).then(({ size }) => size),
  hold: (on, process, job) =>
    parkJobs(on, process, [{ ...job, state: "held", reason: "x", detail: "" }]).then(({ size }) => size),
  release: (on, process, job) => releaseJobs(on, process, [{ ...job, interrupted: true }]).then(({ length }) => length),
  begin: (on, process, job) => beginAttempts(on, process, [job]).then(({ size }) => size),
} satisfies Record<string, (on: Stepped, process: number, job: Parameters<typeof success>[0]) => Promise<number>>;

test("every verb needs the fence: the process, the job and the delivery", async () => {
  const { url, database, sql } = await testDatabase();
  const on = new Stepped(url);
  const [one, two] = [await register(database), await register(database)];
  for (const [name, verb] of Object.entries(verbs)) {
    const told = { name, failures: (await sql.query("select from taskmaster.failure")).rowCount };
    await enqueue(database, short);
    const [first] = await one.claim();
    if (first === undefined) throw new Error("Nothing was claimed.");
    expect(await verb(on, two.id, first), name).toBe(0);
    expect(await verb(on, one.id, { ...first, delivery: 2 }), name).toBe(0);
    expect(await verb(on, one.id, { ...first, id: "999999999" }), name).toBe(0);

    // Given back and claimed again, by another process and then by the same one: the old delivery is worth nothing.
    await releaseJobs(database, one.id, [{ ...first, interrupted: false }]);
    expect(await verb(on, one.id, first), name).toBe(0);
    const [second] = await two.claim();
    expect(await verb(on, one.id, first), name).toBe(0);
    if (second) await releaseJobs(database, two.id, [{ ...second, interrupted: false }]);
    const [third] = await one.claim();
    expect(await verb(on, one.id, first), name).toBe(0);
    expect({ name, failures: (await sql.query("select from taskmaster.failure")).rowCount }).toEqual(told);
    expect(third && (await verb(on, one.id, third)), name).toBe(1);
    await sql.query("delete from taskmaster.job");
  }
});

test("a verb that waits for a hand-back in progress finds the job gone", async () => {
  const { url, database, sql } = await testDatabase();
  const [one, two] = [await register(database), await register(database)];
  const [giver, taker] = [new Stepped(url), new Stepped(url)];
  for (const [name, verb] of Object.entries(verbs)) {
    await enqueue(database, short);
    const [job] = await one.claim();
    if (job === undefined) throw new Error("Nothing was claimed.");
    await giver.begin();
    await taker.begin();
    await releaseJobs(giver, one.id, [{ ...job, interrupted: false }]);
    const late = verb(taker, one.id, job);
    await taker.waits(sql);
    await giver.commit();
    expect(await late, name).toBe(0);
    await taker.commit();
    expect(await two.claim(), name).toMatchObject([{ id: job.id, delivery: 2, failures: 0, interruptions: 0 }]);
  }
  expect((await sql.query("select from taskmaster.parked")).rows).toEqual([]);
});

test("of a batch, what is still this process's is settled, whatever became of the rest", async () => {
  const { url, database } = await testDatabase();
  const on = new Stepped(url);
  const worker = await register(database);
  for (const [name, verb] of Object.entries(verbs).filter(([name]) => name !== "begin")) {
    await enqueue(database, short, 3);
    const [a, b, c, ...rest] = await worker.claim();
    if (!a || !b || !c || rest.length > 0) throw new Error("Three were to be claimed.");
    expect(await verb(on, worker.id, b), name).toBe(1);
    expect(await succeedJobs(database, worker.id, [a, b, c].map(success), []), name).toEqual([b.id]);
    await database.again({ name: "clean", text: "delete from taskmaster.job" }, [], { during: "cleaning" });
  }
});

test("an overrun is noted while the attempt lasts, once, and never for a job that is somebody else's", async () => {
  const { database, sql } = await testDatabase();
  await enqueue(database, short);
  const [one, two] = [await register(database), await register(database)];
  const [job] = await one.claim();
  if (job === undefined) throw new Error("Nothing was claimed.");
  await recordOverrun(database, two.id, job, "late");
  await recordOverrun(database, one.id, { ...job, delivery: 7 }, "late");
  expect((await sql.query("select from taskmaster.failure")).rowCount).toBe(0);
  await recordOverrun(database, one.id, job, "late");
  await recordOverrun(database, one.id, job, "late");
  await retryJobs(database, one.id, [{ ...job, waitMs: 0, failure }]);
  const { rows } = await sql.query("select kind, delivery, name, message from taskmaster.failure order by kind");
  expect(rows).toEqual([
    { kind: "error", delivery: 1, name: "Error", message: "no" },
    { kind: "overrun", delivery: 1, name: "TimeLimitError", message: "late" },
  ]);
});

test("the last five failures of a job are kept", async () => {
  const { database, sql } = await testDatabase();
  await enqueue(database, short);
  const worker = await register(database);
  for (let attempt = 1; attempt <= 8; attempt++) {
    const [job] = await worker.claim();
    expect(job).toMatchObject({ delivery: attempt, failures: attempt - 1 });
    if (job)
      await retryJobs(database, worker.id, [{ ...job, waitMs: 0, failure: { ...failure, message: `${attempt}` } }]);
  }
  const { rows } = await sql.query("select message from taskmaster.failure order by delivery");
  expect(rows.map(({ message }) => message)).toEqual(["4", "5", "6", "7", "8"]);
});

test("a wait of months before the next attempt is no trouble", async () => {
  const { database, sql } = await testDatabase();
  const [id] = await enqueue(database, short);
  const worker = await register(database);
  const [job] = await worker.claim();
  const waitMs = 360 * 86_400_000;
  expect(job && (await retryJobs(database, worker.id, [{ ...job, waitMs, failure }]))).toEqual(new Set([id]));
  const { rows } = await sql.query("select extract(day from run_at - now())::int as days from taskmaster.job");
  expect(rows).toEqual([{ days: 359 }]);
});

test("what was thrown is kept as far as the database can hold it: neither NUL nor half of a surrogate pair costs a job its outcome", async () => {
  const { database, sql } = await testDatabase();
  await enqueue(database, short, 2);
  const worker = await register(database);
  const [first, second] = (await worker.claim()).map((job) => ({
    ...job,
    failure: { ...failure, message: "a\0b\ud800" },
  }));
  if (!first || !second) throw new Error("Nothing was claimed.");
  expect(await retryJobs(database, worker.id, [{ ...first, waitMs: 0 }])).toHaveProperty("size", 1);
  const parked = { ...second, state: "held", reason: "x", detail: "c\0d\udc00" } as const;
  expect(await parkJobs(database, worker.id, [parked])).toHaveProperty("size", 1);
  const { rows } = await sql.query(
    "select array_agg(distinct message) as messages, (select detail from taskmaster.parked) as detail from taskmaster.failure",
  );
  expect(rows).toEqual([{ messages: ["a\\0b\ufffd"], detail: "c\\0d\ufffd" }]);
});
