import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { Project } from "../setup/command-line.ts";
import { testDatabase } from "../setup/database.ts";
import { until } from "../setup/until.ts";
import { type Choices, choices, release } from "./histories.ts";

/**
 * Random histories: releases with a growing chain of revisions are rolled forward and back over a fleet of workers and producers that is
 * killed at random. TASKMASTER_SEED makes other choices, TASKMASTER_SOAK_SECONDS a longer history; in which order things happen is another each time.
 */
const seed = Number(process.env.TASKMASTER_SEED ?? 1);
const seconds = Number(process.env.TASKMASTER_SOAK_SECONDS ?? 12);

test(`seed ${seed}: nothing is lost, failed, unreadable or settled twice`, {
  timeout: (seconds + 270) * 1_000,
}, async () => {
  const pick = choices(seed);
  const { url, sql } = await testDatabase();
  await sql.query("create table ledger (job text, delivery int, release int, keys text)");
  const downgrades = Array.from({ length: 6 }, () => pick.chance(0.7));
  const files = Object.fromEntries(
    Array.from({ length: 6 }, (_, index) => [`release-${index + 1}.mjs`, release(index + 1, downgrades)]),
  );
  const project = new Project(url, { ...files, "produce.mjs": producer });
  const fleet = new Fleet(project, url);
  onTestFinished(() => fleet.killAll());

  let current = 2;
  await Promise.all(["w1", "w2", "w3", "p1", "p2"].map((name) => fleet.start(name, current)));
  const end = performance.now() + seconds * 1_000;
  while (performance.now() < end) current = await step(fleet, pick, current);

  // The newest release reads everything: once its workers are there, whatever waits can run.
  await Promise.all(["p1", "p2"].map((name) => fleet.stop(name)));
  await Promise.all(["w1", "w2", "w3"].map((name) => fleet.stop(name)));
  await Promise.all(["w1", "w2", "w3"].map((name) => fleet.start(name, 6)));
  await until(
    "the backlog is empty",
    async () => (await sql.query("select from taskmaster.job limit 1")).rows.length === 0,
    { forMs: 180_000, everyMs: 100 },
  );
  await Promise.all(["w1", "w2", "w3"].map((name) => fleet.stop(name)));

  const acknowledged = readFileSync(join(project.folder, "acknowledged.txt"), "utf8").trim().split("\n");
  const { rows: succeeded } = await sql.query<{ job: string }>(
    "select job::text from taskmaster.succeeded, unnest(jobs) as job",
  );
  const { rows: parked } = await sql.query<{ id: string; state: string; reason: string; task: string }>(
    "select parked.id::text, state, reason, lane.task from taskmaster.parked join taskmaster.lane on lane.id = parked.lane",
  );
  const ended = new Set([...succeeded.map(({ job }) => job), ...parked.map(({ id }) => id)]);

  expect(acknowledged.length).toBeGreaterThan(100);
  expect(acknowledged.filter((id) => !ended.has(id))).toEqual([]); // 0 lost
  expect(succeeded.length).toBe(new Set(succeeded.map(({ job }) => job)).size); // 0 settled twice
  // A short task that was running when its worker was killed is held, and nothing else is parked.
  expect(
    parked.filter(
      ({ state, reason, task }) =>
        !(
          state === "held" &&
          ["worker-died", "killed-workers"].includes(reason) &&
          (task === "mail" || reason === "killed-workers")
        ),
    ),
  ).toEqual([]);
  expect((await sql.query("select name, message from taskmaster.failure where kind = 'error'")).rows).toEqual([]);
  // Every function saw exactly the fields of its own release.
  expect(
    (
      await sql.query(
        "select distinct release, keys from ledger where keys <> 'n' || (select string_agg(',f' || f, '' order by f) from generate_series(1, release) as f)",
      )
    ).rows,
  ).toEqual([]);
  // A short task never ran twice by itself.
  const { rows: doubled } = await sql.query(
    "select job from ledger where job in (select job from ledger where keys like 'n%' group by job having count(*) > 1) and job in (select id::text from taskmaster.parked where reason = 'worker-died')",
  );
  expect(doubled).toEqual([]);
});

/** One thing happens to the fleet. Answers with the release that is rolled to. */
async function step(fleet: Fleet, pick: Choices, current: number): Promise<number> {
  const name = pick.of([...fleet.names]);
  if (pick.chance(0.25)) {
    await fleet.kill(name);
    await fleet.start(name, pick.chance(0.5) ? current : pick.between(1, 6));
    return current;
  }
  if (pick.chance(0.4)) {
    // A whole deploy or rollback, in any order of restarts.
    const next = pick.between(1, 6);
    for (const each of pick.shuffled([...fleet.names])) await fleet.restart(each, next);
    return next;
  }
  await fleet.restart(name, pick.chance(0.7) ? current : pick.between(1, 6));
  return current;
}

const producer = `
import { appendFileSync } from "node:fs";
import { Taskmaster } from "taskmaster";
const [number] = process.argv.slice(2);
const { tasks, payload } = await import("./release-" + number + ".mjs");
const taskmaster = new Taskmaster({ tasks, release: "release " + number });
await taskmaster.start();
let stopping = false;
process.on("SIGTERM", () => { stopping = true; });
console.log("ready");
while (!stopping) {
  for (const task of tasks) {
    const { id } = await taskmaster.enqueue(task, payload, Math.random() < 0.2 ? { delay: Math.random() * 3000 } : {});
    appendFileSync("acknowledged.txt", id + "\\n");
  }
  await new Promise((resolve) => setTimeout(resolve, 20));
}
await taskmaster.stop();
`;

/** Workers w1 …, and producers p1 …, each a process of its own. */
class Fleet {
  readonly #project: Project;
  readonly #database: string;
  readonly #members = new Map<string, ChildProcess>();

  constructor(project: Project, database: string) {
    this.#project = project;
    this.#database = database;
  }

  get names(): Iterable<string> {
    return this.#members.keys();
  }

  async start(name: string, release: number): Promise<void> {
    const isWorker = name.startsWith("w");
    const child = isWorker
      ? this.#project.start([
          "work",
          `release-${release}.mjs`,
          "--release",
          `release ${release}`,
          "--json",
          "--verbose",
          "--concurrency",
          "5",
          "--grace",
          "1s",
        ])
      : spawn(process.execPath, ["produce.mjs", String(release)], {
          cwd: this.#project.folder,
          env: { ...process.env, DATABASE_URL: this.#database },
        });
    this.#members.set(name, child);
    child.stderr?.resume();
    await new Promise<void>((resolve, reject) => {
      child.stdout?.on("data", (data: Buffer) => {
        if (data.includes(isWorker ? "process.registered" : "ready")) resolve();
      });
      child.once("exit", (code, signal) =>
        reject(new Error(`${name} of release ${release} ended with ${code ?? signal} before it was ready`)),
      );
    });
  }

  async stop(name: string): Promise<void> {
    const child = this.#members.get(name);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    child.kill("SIGTERM");
    expect(await exit).toEqual([0, null]);
  }

  async kill(name: string): Promise<void> {
    const child = this.#members.get(name);
    if (child === undefined) return;
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
  }

  async restart(name: string, release: number): Promise<void> {
    await this.stop(name);
    await this.start(name, release);
  }

  killAll(): void {
    for (const child of this.#members.values()) child.kill("SIGKILL");
  }
}
