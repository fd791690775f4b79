import { expect, onTestFinished, test, vi } from "vitest";
import { Database } from "../../../src/engine/database.ts";
import { testDatabase } from "../../setup/database.ts";

const statement = (name: string, text: string) => ({ name: `line_test_${name}`, text });
const slowly = statement("slowly", "select pg_sleep(0.05), pg_backend_pid() as pid, clock_timestamp() as at");
const broken = statement("broken", "select 1 / (pg_backend_pid() - pg_backend_pid())");
const dying = statement("dying", "select pg_terminate_backend(pg_backend_pid())");

interface Done {
  readonly pid: number;
  readonly at: Date;
}

async function line({ sessions = true } = {}) {
  const { url } = await testDatabase();
  const database = new Database({ url, sessions });
  onTestFinished(() => database.end());
  return database;
}

test("the database goes on with what stands in line while the program is busy", async () => {
  const database = await line();
  await database.queryInLine(slowly);
  const asked = [1, 2, 3].map(() => database.queryInLine<Done>(slowly));
  await new Promise((resolve) => setImmediate(resolve));
  for (const since = performance.now(); performance.now() - since < 500; );
  const done = (await Promise.all(asked)).flat();
  expect(new Set(done.map(({ pid }) => pid)).size).toBe(1);
  const at = done.map((one) => one.at.getTime());
  expect(at).toEqual([...at].sort((a, b) => a - b));
  expect((at[2] ?? 0) - (at[0] ?? 0)).toBeLessThan(400); // the answer to the first was read after 500
});

test("a statement that fails stops none behind it, and its connection is not used again", async () => {
  const database = await line();
  const [first, failed, third] = await Promise.allSettled([
    database.queryInLine<Done>(slowly),
    database.queryInLine(broken),
    database.queryInLine<Done>(slowly),
  ]);
  expect([first.status, third.status]).toEqual(["fulfilled", "fulfilled"]);
  expect(failed).toMatchObject({ status: "rejected", reason: { code: "22012" } });
  const [later] = await database.queryInLine<Done>(slowly);
  expect(later?.pid).not.toBe(first.status === "fulfilled" && first.value[0]?.pid);
});

test("where the connection breaks, all that stands in line is told, and the next statement gets another one", async () => {
  const database = await line();
  const told = await Promise.allSettled([database.queryInLine(dying), database.queryInLine(slowly)]);
  expect(told.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(await database.queryInLine<Done>(slowly)).toHaveLength(1);
});

test("its connection stays, however long it rests", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
  onTestFinished(() => void vi.useRealTimers());
  const database = await line();
  const [before] = await database.queryInLine<Done>(slowly);
  vi.advanceTimersByTime(600_000);
  const [after] = await database.queryInLine<Done>(slowly);
  expect(after?.pid).toBe(before?.pid);
});

test("behind a pooler, where each statement needs a transaction around it, there is no line", async () => {
  const database = await line({ sessions: false });
  expect(database.hasLine).toBe(false);
  expect(await database.queryInLine<Done>(slowly)).toHaveLength(1);
});
