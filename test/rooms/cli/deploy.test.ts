import { expect, test } from "vitest";
import { Project } from "../../setup/command-line.ts";
import { testDatabase } from "../../setup/database.ts";
import { until } from "../../setup/until.ts";

const tasks = `
import { existsSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { Taskmaster, task } from "taskmaster";
import { z } from "zod";
const payload = z.object({ n: z.number() });
export const bill = task("bill").payload(payload).short({ attempts: 1 }, () => { if (existsSync("broken")) throw new Error("a broken release"); });
export const stray = task("stray").payload(payload).interruptible(async ({ n }, ctx) => {
  const taskmaster = new Taskmaster({ tasks: [bill] });
  await ctx.step("a step", () => taskmaster.enqueue(bill, { n }));
  await taskmaster.enqueue(bill, { n }, { key: "once" });
  await ctx.enqueue(bill, { n });
  await taskmaster.stop();
});
export const slow = task("slow").payload(payload).short(({ n }) => pause(n));
`;

async function scene() {
  const database = await testDatabase();
  const project = new Project(database.url, { "tasks.ts": tasks });
  const json = async (...args: string[]) => {
    const answer = await project.call([...args, "--json"]);
    return { code: answer.code, said: JSON.parse(answer.stdout || (answer.stderr.trim().split("\n").at(-1) ?? "")) };
  };
  const work = async (...args: string[]) => {
    const child = project.start(["work", "--json", "--verbose", ...args]);
    child.stderr.resume();
    await new Promise<void>((resolve) => {
      child.stdout.on("data", (data: Buffer) => {
        if (data.includes("process.registered")) resolve();
      });
    });
    return child;
  };
  return { ...database, project, json, work };
}

test("what failed in a deploy's window is previewed, and given back at a pace", async () => {
  const { project, json, work, sql } = await scene();
  await work();
  expect((await project.call(["deploy", "prepare"])).code).toBe(0);
  expect((await project.call(["deploy", "finish"])).code).toBe(0);
  project.write("broken", "");
  for (const n of [1, 2, 3]) await project.call(["enqueue", "bill", JSON.stringify({ n })]);
  await until("they have failed", async () => (await sql.query("select from taskmaster.parked")).rowCount === 3);
  const [first] = (await sql.query<{ id: string }>("select id from taskmaster.parked order by id")).rows;
  project.write("tasks.ts", tasks);
  await project.call(["jobs", "cancel", first?.id ?? ""]);

  const preview = await json("jobs", "retry", "--deploy", "1", "--dry-run");
  expect(preview).toMatchObject({ code: 0, said: { found: 3, changed: 0 } });
  expect(preview.said.jobs.map(({ outlook }: { outlook: string }) => outlook)).toEqual([
    "cancelled",
    "readable",
    "readable",
  ]);
  expect((await json("jobs", "retry", "--deploy", "1")).said.error.message).toMatch(
    /2 jobs would be given back.*--yes/,
  );
  const begun = performance.now();
  expect((await json("jobs", "retry", "--deploy", "1", "--rate", "1/s", "--yes")).said).toMatchObject({ changed: 2 });
  expect(performance.now() - begun).toBeGreaterThan(1_000);
  expect((await json("jobs", "retry", "--deploy", "9")).said.error.message).toContain("There is no deploy 9");
  for (const wrong of [["--rate", "fast"], ["--task", "bill"], ["4711"]])
    expect((await project.call(["jobs", "retry", "--deploy", "1", ...wrong])).code).toBe(2);
  expect((await project.call(["jobs", "retry", "4711", "--rate", "1/s"])).code).toBe(2);
});

test("finish --strict keeps the gate closed while no new worker can read the backlog, and says what is missing", async () => {
  const { project, json, work } = await scene();
  const old = await work("--release", "one");
  expect((await project.call(["deploy", "prepare", "--release", "two"])).code).toBe(0);
  const refused = await json("deploy", "finish", "--strict");
  expect(refused).toMatchObject({ code: 1, said: { finished: false, newcomers: [], old: [{ release: "one" }] } });
  expect(refused.said.warnings.join()).toContain("No worker of release two is alive");
  await project.call(["enqueue", "slow", '{"n":1}']);
  project.write("tasks.ts", tasks.replaceAll(/export const slow.*/g, ""));
  await work("--release", "two");
  const unread = await json("deploy", "finish", "--strict");
  expect(unread).toMatchObject({
    code: 1,
    said: { finished: false, unread: [{ task: "slow", revision: 1, jobs: 1 }] },
  });
  expect((await project.call(["deploy", "status"])).stdout).toContain("safe to deploy");
  old.kill("SIGTERM");
  expect(await json("deploy", "finish")).toMatchObject({ code: 0, said: { finished: true } });
  expect((await project.call(["deploy", "finish"])).stderr).toContain("No deploy holds the gate");
});

test("extend, status and the options say what they will not do", async () => {
  const { project, json, work } = await scene();
  await work();
  expect((await project.call(["deploy", "status"])).stdout).toBe("The gate is open.\n");
  expect((await project.call(["deploy", "extend"])).code).toBe(1);
  expect((await project.call(["deploy", "prepare", "--timeout", "soon"])).code).toBe(2);
  expect((await project.call(["deploy", "prepare", "--lease", "10ms"])).stderr).toContain("1s is the least");
  expect((await project.call(["deploy", "prepare", "--hold", "5s"])).code).toBe(0);
  expect(await json("deploy", "extend", "1h")).toMatchObject({ code: 0, said: { leaseMs: 3_600_000 } });
  const { said } = await json("deploy", "status");
  expect(said.gate.leaseMs).toBeGreaterThan(3_500_000);
  expect(said.workers).toMatchObject([{ acked: "all", running: [] }]);
  expect((await json("status")).said.gate).toMatchObject({ state: "safe" });
  await project.call(["deploy", "abort"]);
  const shown = await json("deploy", "show", "1");
  expect(shown.said.events.map(({ event }: { event: string }) => event)).toEqual([
    "opened",
    "acknowledged",
    "safe",
    "extended",
    "aborted",
  ]);
  expect((await json("deploy", "history")).said.deploys).toMatchObject([
    { id: 1, state: "aborted", reason: "by hand" },
  ]);
});

test("audit names the task that a deploy was given up for", async () => {
  const { project, json, work } = await scene();
  await work();
  expect((await json("audit")).said).toMatchObject({ tasks: 3, findings: [] });
  await project.call(["enqueue", "slow", '{"n":20000}']);
  const { said } = await json("deploy", "prepare", "--timeout", "1500ms");
  expect(said).toMatchObject({ verdict: "blocked" });
  expect((await json("audit")).said.findings).toMatchObject([{ task: "slow", rule: "blocks-deploys" }]);
});

test("audit names an interruptible task that enqueues another outside its context", async () => {
  const { project, json, work, sql } = await scene();
  await work();
  await project.call(["enqueue", "stray", '{"n":1}']);
  await until("all four have run", async () => {
    const { rows } = await sql.query("select sum(cardinality(jobs))::int as n from taskmaster.succeeded");
    return rows[0].n === 4;
  });
  expect((await json("audit")).said.findings).toMatchObject([{ task: "stray", rule: "stray-children" }]);
  const { rows } = await sql.query("select task, child, times::int from taskmaster.stray_enqueue");
  expect(rows).toEqual([{ task: "stray", child: "bill", times: 1 }]);
});

test("when tells what a drain would take now and later", async () => {
  const { project, json, work, sql } = await scene();
  await work();
  await project.call(["enqueue", "slow", '{"n":10}']);
  await until(
    "its success is recorded",
    async () => (await sql.query("select from taskmaster.succeeded")).rowCount === 1,
  );
  for (let n = 0; n < 3; n++) await project.call(["enqueue", "slow", '{"n":8}', "--delay", "1h"]);
  const { said } = await json("deploy", "when", "--within", "2h");
  expect(said.now).toEqual({ expectedMs: 0, p90Ms: 0 });
  expect(said.moments).toHaveLength(24);
  expect((await project.call(["deploy", "when"])).stdout).toMatch(
    /If the gate closed now: .* expected.*one moment is as good as another/s,
  );
  expect((await project.call(["deploy", "when", "--within", "3 weeks"])).code).toBe(2);
});

test("work --strict refuses once to stop as the last reader of what waits", async () => {
  const { project, work } = await scene();
  const worker = await work("--strict", "--concurrency", "1");
  await project.call(["enqueue", "slow", '{"n":1}', "--delay", "1h"]);
  let text = "";
  worker.stderr.on("data", (data: Buffer) => {
    text += data;
  });
  worker.kill("SIGTERM");
  await until("it refuses", () =>
    text.includes("not stopping, because no other live worker can read 1 jobs of slow revision 1"),
  );
  const ended = new Promise((resolve) => worker.once("exit", resolve));
  worker.kill("SIGTERM");
  expect(await ended).toBe(0);
});
