import { existsSync, readFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { Database } from "../../../src/engine/database.ts";
import { testDatabase } from "../../setup/database.ts";

const much = {
  name: "server_memory_test_much",
  text: "with many as materialized (select repeat('x', 1000) as text from generate_series(1, 3000)) select count(text) from many",
};
const who = { name: "server_memory_test_who", text: "select pg_backend_pid() as pid" };

/** Pages that a process had to ask the kernel for, so far (proc(5), `/proc/pid/stat`). */
function pagesAsked(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[7]);
}

/** Pages that a statement of 3 MB asks for each time. */
async function pagesEach(isLarge: boolean): Promise<number> {
  const { url } = await testDatabase();
  const database = new Database({ url });
  onTestFinished(() => database.end());
  const [server] = await database.queryInLine<{ pid: number }>(who);
  const run = () => database.queryInLine(much, [], { isLarge });
  for (let time = 0; time < 3; time++) await run();
  const before = pagesAsked(server?.pid ?? 0);
  for (let time = 0; time < 10; time++) await run();
  return (pagesAsked(server?.pid ?? 0) - before) / 10;
}

// musl and other systems allocate in ways of their own, and of a server elsewhere this is not to be seen
const isGlibc = "glibcVersionRuntime" in (process.report.getReport() as { header: object }).header;
const isHere = existsSync("/proc/self/stat") && process.env.TASKMASTER_TEST_SERVER === undefined;

test.runIf(isGlibc && isHere)(
  "the server's process keeps the memory of large statements, instead of asking for it each time",
  async () => {
    expect(await pagesEach(true)).toBeLessThan(50);
    expect(await pagesEach(false)).toBeGreaterThan(300); // else there is nothing to be kept, and `keepMemory` can go
  },
);
