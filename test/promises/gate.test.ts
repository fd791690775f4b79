import { expect, test } from "vitest";
import { type Prepared, prepare } from "../../src/deploy/prepare.ts";
import type { TaskmasterFleet } from "../../src/fleets/taskmaster/taskmaster-fleet.ts";
import { slowness } from "../setup/slowness.ts";
import { until } from "../setup/until.ts";
import { said, scene } from "./gate-scene.ts";

/** Promise 6, with real workers and real deployers. Its interleavings are visited in gate-model.test.ts. */

function preparing(
  fleet: TaskmasterFleet,
  timeoutMs = 90_000,
  signal = new AbortController().signal,
): Promise<Prepared> {
  return prepare({ fleets: [fleet], timeoutMs, leaseMs: 15_000, holdMs: 60_000, signal });
}

test("the verdict comes within 100 ms of the last blocker's end; until the gate ends nothing of the old release starts, and what is new does", async () => {
  const here = await scene();
  await here.work();
  const second = await here.work();
  await here.enqueue("index", 60_000);
  await here.enqueue("mail", 3_000);
  await here.enqueue("sync", 4_000);
  await Promise.all(["index", "mail", "sync"].map((task) => here.started(task)));

  const fleet = here.fleet({ release: "new" });
  const prepared = await preparing(fleet);
  expect(prepared.verdict).toBe("safe");
  const lastEnd = here.ledger().find(({ what, task }) => what === "end" && task === "sync")?.at ?? 0;
  const [deploy] = await here.deploys();
  expect(Number(deploy?.safe_at) - lastEnd).toBeGreaterThanOrEqual(-1);
  expect(Number(deploy?.safe_at) - lastEnd).toBeLessThan(100 * slowness());
  expect(here.count("end", "mail")).toBe(1);
  expect(here.count("end", "index")).toBe(0);

  const before = here.count("start");
  for (const task of ["mail", "sync", "index"]) await here.enqueue(task, 10);
  second.kill("SIGKILL");
  await here.work(); // its supervisor starts the old release again
  await new Promise((resolve) => setTimeout(resolve, 1_500)); // longer than a sweep
  expect(here.count("start")).toBe(before);

  const newcomer = await here.work("--release", "new");
  await until("the new release runs what waits", () => here.count("end") >= 5);
  const pids = new Set(
    here
      .ledger()
      .slice(-3)
      .map(({ pid }) => pid),
  );
  expect(pids).toEqual(new Set([newcomer.pid]));
  await fleet.reopen("finished");
});

test("a deploy that is blocked names the blockers with their history, opens the gate, and exits with 3", async () => {
  const here = await scene();
  await here.work();
  await here.enqueue("mail", 5);
  await until("one has succeeded", () => here.count("end", "mail") === 1);
  const id = await here.enqueue("mail", 50_000);
  await here.started("mail", 2);
  await until("its success is recorded", async () => {
    const { rows } = await here.sql.query("select from taskmaster.succeeded");
    return rows.length > 0;
  });
  const answer = await here.project.call(["deploy", "prepare", "--timeout", "1s", "--json"]);
  expect(answer.code).toBe(3);
  expect(JSON.parse(answer.stdout)).toMatchObject({
    verdict: "blocked",
    unanswered: [],
    blockers: [{ job: id, task: "mail", kind: "short", limitMs: 60_000, usually: { task: "mail", runs: 1 } }],
    ticket: expect.stringMatching(/^# A task blocks deploys: mail\n[\s\S]*job \S+ on process \d+ [\s\S]*interruptible/),
  });
  expect(await here.isOpen()).toBe(true);
  await here.enqueue("index", 5);
  await here.started("index");

  const people = await here.project.call(["deploy", "prepare", "--timeout", "500ms", "--ticket", "ticket.md"]);
  expect(people.code).toBe(3);
  expect(people.stdout).toMatch(/Not safe.*given up after .*Do not deploy now/);
  expect(people.stdout).toMatch(/mail +\d+ +\d+ \(.+\) +\d.* +\d+ ms, 99 % under \d+ ms +\S/);
  expect(await here.deploys()).toMatchObject([
    { state: "blocked" },
    { state: "blocked", reason: expect.stringContaining("mail still ran") },
  ]);
});

test("Ctrl-C opens the gate at once", async () => {
  const here = await scene();
  await here.work();
  await here.enqueue("mail", 20_000);
  await here.started("mail");
  const child = here.project.start(["deploy", "prepare"]);
  const { text, ends } = said(child);
  await until("it waits", () => text().includes("1 short task runs"));
  await here.enqueue("index", 5);
  child.kill("SIGINT");
  expect(await ends).toBe(130);
  expect(text()).toContain("is open again");
  expect(await here.deploys()).toMatchObject([{ state: "aborted" }]);
  await here.started("index");
});

test("a second deployer is told who holds the gate, and closes nothing", async () => {
  const here = await scene();
  await here.work();
  const fleet = here.fleet({ holder: { by: "ada", host: "laptop", pid: 42 }, release: "r7" });
  await preparing(fleet);
  const answer = await here.project.call(["deploy", "prepare"]);
  expect(answer.code).toBe(1);
  expect(answer.stderr).toMatch(
    /Deploy \d+ holds the gate: ada closed it .* ago on laptop \(process 42\) for release r7, it is safe to deploy, .*TASKMASTER_GATE_HELD/,
  );
  expect(await here.deploys()).toHaveLength(1);
  expect((await here.project.call(["deploy", "abort", "--reason", "we changed our minds"])).code).toBe(0);
  expect(await here.deploys()).toMatchObject([{ state: "aborted", reason: "we changed our minds" }]);
  expect((await here.project.call(["deploy", "abort"])).stderr).toContain("No deploy holds the gate");
});

test.each(["SIGKILL", "SIGSTOP"] as const)(
  "a deployer that gets %s while the gate is closing leaves a fleet that resumes within the lease, and the record says so",
  async (signal) => {
    const here = await scene();
    await here.work();
    await here.enqueue("mail", 40_000);
    await here.started("mail");
    const child = here.project.start(["deploy", "prepare", "--lease", "3s"]);
    const { text, ends } = said(child);
    await until("it waits", () => text().includes("1 short task runs"));
    await here.enqueue("index", 5);
    child.kill(signal);
    const killedAt = performance.now();
    await until("the gate is open", here.isOpen, { everyMs: 100 });
    await here.started("index");
    expect(performance.now() - killedAt).toBeLessThan(10_000);
    expect(await here.deploys()).toMatchObject([{ state: "lapsed" }]);
    if (signal === "SIGKILL") return;
    child.kill("SIGCONT"); // it wakes up, and must not say that it is safe
    expect(await ends).toBe(1);
    expect(text()).toContain("TASKMASTER_GATE_LOST");
    expect(text()).not.toContain("Safe.");
  },
);

test("a deployer that dies after the verdict leaves the gate closed for as long as it said, and then it opens", async () => {
  const here = await scene();
  await here.work();
  expect((await here.project.call(["deploy", "prepare", "--hold", "8s"])).code).toBe(0);
  await here.enqueue("mail", 5);
  expect((await here.project.call(["deploy", "status", "--json"])).stdout).toContain('"state": "safe"');
  expect(here.count("start")).toBe(0);
  await here.started("mail");
  const [deploy] = await here.deploys();
  expect(deploy?.state).toBe("lapsed");
  expect(Number(deploy?.ended_at) - Number(deploy?.safe_at)).toBeGreaterThan(7_900);
});

test("a worker that is stopped is waited for until it is certainly dead; when it wakes up, it starts nothing of what it had", async () => {
  const here = await scene();
  const asleep = await here.work("--lease", "3s", "--concurrency", "1");
  await here.enqueue("sync", 700); // the others wait in its buffer
  await here.started("sync");
  for (let n = 0; n < 5; n++) await here.enqueue("sync", 1);
  asleep.kill("SIGSTOP");
  const before = here.count("start");
  const fleet = here.fleet();
  const prepared = await preparing(fleet);
  expect(prepared.verdict).toBe("safe");
  expect(prepared.last?.waitedMs).toBeGreaterThan(1_000);
  asleep.kill("SIGCONT");
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  expect(here.count("start")).toBe(before);
  await fleet.reopen("finished");
  await until("all of it has run", () => here.count("end") >= 6);
});

test("connections that break while the gate closes delay the verdict, and change nothing about it", async () => {
  const here = await scene();
  await here.work();
  await here.work();
  await here.enqueue("mail", 2_500);
  await here.started("mail");
  const fleet = here.fleet();
  const verdict = preparing(fleet);
  const breaking = setInterval(() => {
    void here.sql
      .query(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
      )
      .catch(() => {});
  }, 300);
  await until("the short task has ended", () => here.count("end", "mail") === 1);
  clearInterval(breaking);
  expect((await verdict).verdict).toBe("safe");
  const before = here.count("start");
  await here.enqueue("index", 5);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect(here.count("start")).toBe(before);
  await fleet.reopen("finished");
  await here.started("index");
});

test("with --only-short interruptible tasks go on starting while short ones drain, and none starts after the verdict", async () => {
  const here = await scene();
  await here.work();
  await here.enqueue("mail", 50, "sent");
  await here.started("mail");
  const fleet = here.fleet({ onlyShort: true });
  const verdict = preparing(fleet);
  await until("it has acknowledged", async () => {
    const { rows } = await here.sql.query("select from taskmaster.deploy_ack where closes = 'short'");
    return rows.length === 1;
  });
  await here.enqueue("index", 5);
  await here.enqueue("mail", 5);
  await here.started("index");
  expect(here.count("start", "mail")).toBe(1);
  here.release("sent");
  expect((await verdict).verdict).toBe("safe");
  await here.enqueue("index", 5);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect([here.count("start", "index"), here.count("start", "mail")]).toEqual([1, 1]);
  await fleet.reopen("finished");
  await until("the rest runs", () => here.count("end") === 4);
});

test("deploy run: passes on the exit code of a command that fails, and opens the gate", async () => {
  const here = await scene();
  await here.work();
  const answer = await here.project.call(["deploy", "run", "--", "sh", "-c", "echo migrating; exit 7"]);
  expect(answer).toMatchObject({ code: 7, stdout: "migrating\n" });
  expect(answer.stderr).toContain("the command ended with exit code 7");
  expect(await here.deploys()).toMatchObject([{ state: "aborted", reason: "the command ended with exit code 7" }]);
  const absent = await here.project.call(["deploy", "run", "--", "no-such-program"]);
  expect(absent.code).toBe(1);
  expect(absent.stderr).toContain("The command no-such-program was not found");
  expect(await here.isOpen()).toBe(true);
});

test("deploy run: closes and runs nothing where the new code would break what waits", async () => {
  const here = await scene();
  const old = await here.work();
  old.kill("SIGTERM");
  await here.enqueue("mail", 5);
  const { tasks } = here;
  here.project.write(
    "tasks.ts",
    tasks.replace("z.object({ ms: z.number(),", "z.object({ ms: z.number(), to: z.string(),"),
  );
  const answer = await here.project.call(["deploy", "run", "--workers", "0", "--", "touch", "ran"]);
  expect(answer.code).toBe(1);
  expect(answer.stderr).toMatch(/would break this deploy.*--no-check/);
  expect(await here.deploys()).toEqual([]);
  const forced = await here.project.call(["deploy", "run", "--no-check", "--workers", "0", "--", "echo", "ran"]);
  expect(forced).toMatchObject({ code: 0, stdout: "ran\n" });
});

test("deploy run: waits for the workers of the new release, and opens the gate when they are there", async () => {
  const here = await scene();
  const old = await here.work();
  await here.enqueue("index", 60_000);
  await here.started("index");
  const run = here.project.start(["deploy", "run", "--release", "new", "--", "sh", "-c", "echo restarting"]);
  const { text, ends } = said(run);
  await until("the command has run", () => text().includes("Waiting for 1 new worker"));
  old.kill("SIGTERM");
  await here.work("--release", "new");
  expect(await ends).toBe(0);
  expect(text()).toContain("Finished.");
  expect(await here.deploys()).toMatchObject([{ state: "finished" }]);
  const { stdout } = await here.project.call(["deploy", "show", "1", "--json"]);
  expect(JSON.parse(stdout).ledger).toMatchObject({ interrupted: 1, failed: 0, held: 0, stranded: 0 });
});
