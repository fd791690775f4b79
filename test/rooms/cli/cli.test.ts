import { once } from "node:events";
import { createInterface } from "node:readline";
import { describe, expect, test } from "vitest";
import { Project } from "../../setup/command-line.ts";
import { testDatabase } from "../../setup/database.ts";

const tasks = `
import { task, schedule, NonRetryableError } from "taskmaster";
import { z } from "zod";
export const confirmUser = task("user.confirm")
  .payload(z.object({ id: z.number(), message: z.string() }))
  .short({ timeLimit: "5s" }, async ({ message }: { message: string }) => {
    if (message === "boom") throw new NonRetryableError("no such user\\n\\u001b[31m(4711)");
    if (message === "slow") await new Promise((resolve) => setTimeout(resolve, 700));
  });
export const nightly = schedule("nightly", { cron: "0 3 * * *", task: confirmUser, payload: { id: 1, message: "night" } });
`;

async function project(files: Readonly<Record<string, string>> = { "src/tasks.ts": tasks }): Promise<Project> {
  return new Project((await testDatabase()).url, files);
}

/** Starts a worker and resolves with its happenings, as JSON lines. */
async function worker(in_: Project, ...args: string[]) {
  const child = in_.start(["work", "--json", "--verbose", ...args]);
  const seen: { event: string; job?: string }[] = [];
  const waiting = new Set<() => void>();
  createInterface({ input: child.stdout }).on("line", (line) => {
    seen.push(JSON.parse(line));
    for (const look of waiting) look();
  });
  const until = (event: string) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (seen.some((each) => each.event === event)) resolve();
      };
      waiting.add(look);
      look();
    });
  await until("process.registered");
  return { child, seen, until };
}

describe("where things are", () => {
  test("tasks are found by convention, by config and by option, and every command says which", async () => {
    const here = await project({
      "src/tasks.ts": tasks,
      "other/mine.ts": tasks.replaceAll("user.confirm", "other.confirm"),
    });
    expect((await here.call(["enqueue", "user.confirm", '{"id":1,"message":"a"}'])).stderr).toContain(
      "tasks: src/tasks.ts (by convention)",
    );
    expect(
      (await here.call(["enqueue", "other.confirm", '{"id":1,"message":"a"}', "--tasks", "other/mine.ts"])).stderr,
    ).toContain("tasks: other/mine.ts (named)");
    here.write(
      "taskmaster.config.ts",
      'import { defineConfig } from "taskmaster";\nexport default defineConfig({ tasks: "other" });',
    );
    const answer = await here.call(["enqueue", "other.confirm", '{"id":1,"message":"a"}']);
    expect(answer.stderr).toContain("tasks: other/mine.ts (by taskmaster.config.ts)");
    expect(answer.stderr).toMatch(/database: Postgres at 127\.0\.0\.1/);
  });

  test("of many files the first are named", async () => {
    const names = Array.from({ length: 9 }, (_, index) => `file${index}`);
    const here = await project(
      Object.fromEntries(
        names.map((name) => [`tasks/${name}.ts`, tasks.replaceAll("user.confirm", `${name}.confirm`)]),
      ),
    );
    const { stderr } = await here.call(["check", "--write"]);
    expect(stderr).toContain(
      "tasks: tasks/file0.ts, tasks/file1.ts, tasks/file2.ts, tasks/file3.ts, tasks/file4.ts and 4 more (by convention)",
    );
  });

  test("a task file with a mistake is told by its name", async () => {
    const here = await project({ "tasks.ts": "export const broken = ;" });
    const { code, stderr } = await here.call(["work"]);
    expect(code).toBe(2);
    expect(stderr).toContain("tasks.ts could not be loaded");
    expect(stderr).not.toContain("at async");
  });

  test("every command has a help with an example", async () => {
    const here = await project();
    for (const command of [
      ["work"],
      ["status"],
      ["jobs", "list"],
      ["jobs", "show"],
      ["jobs", "retry"],
      ["jobs", "cancel"],
      ["enqueue"],
      ["migrate"],
      ["schedules"],
      ["contracts", "list"],
      ["contracts", "forget"],
    ]) {
      const { code, stdout } = await here.call([...command, "--help"]);
      expect({ command, code, example: stdout.includes(`npx taskmaster ${command.join(" ")}`) }).toEqual({
        command,
        code: 0,
        example: true,
      });
    }
  });

  test("an address of a database that cannot be read is told at once, without its password", async () => {
    const here = (address: string) => new Project(address, { "src/tasks.ts": tasks });
    for (const address of [
      "postgres://me:secret@127.0.0.1:port/app",
      "postgres://me:secret@127.0.0.1/app?sslrootcert=missing.crt",
    ]) {
      const { code, stderr } = await here(address).call(["status", "--json"]);
      expect(code).toBe(2);
      expect(JSON.parse(stderr.trim().split("\n").at(-1) ?? "").error).toMatchObject({
        code: "TASKMASTER_DATABASE_ADDRESS",
        message: expect.stringContaining("postgres://user:password@host:5432/database"),
      });
      expect(stderr).not.toContain("secret");
    }
  });
});

describe("enqueue", () => {
  test.each([
    ["a payload that does not fit", ["user.confirm", '{"id":"x"}'], 1, "PAYLOAD_REFUSED"],
    ["what is not JSON", ["user.confirm", "{id:1}"], 2, "The payload is not JSON"],
    ["a task that is not there", ["user.confrm", "{}"], 2, "Did you mean user.confirm?"],
    ["a file that is not there", ["user.confirm", "@nowhere.json"], 2, "cannot be read"],
    [
      "a priority that is none",
      ["user.confirm", '{"id":1,"message":"a"}', "--priority", "urgent"],
      1,
      '"high", "normal" or "low"',
    ],
    ["a time that is none", ["user.confirm", '{"id":1,"message":"a"}', "--at", "tomorrow"], 2, "is no time"],
  ])("%s is refused with a clear word, and nothing is enqueued", async (_, args, code, message) => {
    const here = await project();
    const answer = await here.call(["enqueue", ...args]);
    expect(answer.code).toBe(code);
    expect(answer.stderr).toContain(message);
    expect(JSON.parse((await here.call(["jobs", "list", "--json"])).stdout)).toEqual({ jobs: [] });
  });

  test("what is not UTF-8 on standard input is refused", async () => {
    const here = await project();
    const { code, stderr } = await here.call(["enqueue", "user.confirm", "-"], new Uint8Array([0x22, 0xff, 0x22]));
    expect(code).toBe(2);
    expect(stderr).toContain("not UTF-8");
  });

  test("a key answers with the job that is there already", async () => {
    const here = await project();
    const first = JSON.parse(
      (await here.call(["enqueue", "user.confirm", '{"id":1,"message":"a"}', "--key", "k", "--json"])).stdout,
    );
    const second = JSON.parse(
      (await here.call(["enqueue", "user.confirm", '{"id":2,"message":"b"}', "--key", "k", "--json"])).stdout,
    );
    expect(second).toEqual({ id: first.id, duplicate: true });
  });
});

describe("jobs", () => {
  test("failed jobs are listed with their reason, shown with their error, and given back after a question", async () => {
    const here = await project();
    const ids: string[] = [];
    for (const id of [1, 2])
      ids.push((await here.call(["enqueue", "user.confirm", `{"id":${id},"message":"boom"}`])).stdout.trim());
    const { child, seen, until } = await worker(here);
    await until("job.failed");
    while (seen.filter(({ event }) => event === "job.failed").length < 2) await once(child.stdout, "data");
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);

    const listed = JSON.parse(
      (await here.call(["jobs", "list", "--state", "failed", "--error", "NO SUCH", "--json"])).stdout,
    );
    expect(listed.jobs.map((job: { id: string; reason: string }) => [job.id, job.reason])).toEqual(
      [...ids].reverse().map((id) => [id, "non-retryable: no such user\n\u001b[31m(4711)"]),
    );
    expect((await here.call(["jobs", "show", ids[0] ?? ""])).stdout).toMatch(/no such user\n.*4711.*\n\s+at /);

    const table = (await here.call(["jobs", "list", "--state", "failed"])).stdout;
    expect(table).toContain("non-retryable: no such user (4711)\n");
    expect(table).not.toContain("\u001b");

    const asked = await here.call(["jobs", "retry", "--state", "failed"]);
    expect(asked).toMatchObject({ code: 2 });
    expect(asked.stderr).toContain("2 × user.confirm (failed)");
    expect((await here.call(["jobs", "retry", "--state", "failed", "--dry-run"])).stdout).toContain("0 of 2");
    expect((await here.call(["jobs", "retry", "--state", "failed", "--yes"])).stdout).toContain(
      "2 of 2 jobs given back.",
    );
    const waiting = JSON.parse((await here.call(["jobs", "list", "--state", "waiting", "--json"])).stdout);
    expect(waiting.jobs).toHaveLength(2);
    expect((await here.call(["jobs", "cancel", "--task", "user.confirm", "--yes"])).stdout).toContain(
      "2 of 2 jobs cancelled.",
    );
    expect((await here.call(["jobs", "retry", ids[0] ?? ""])).stdout).toContain("1 of 1");
  });

  test("a job whose key another unfinished job holds is left, and the other is named", async () => {
    const here = await project();
    const enqueue = async () =>
      (await here.call(["enqueue", "user.confirm", '{"id":1,"message":"a"}', "--key", "k"])).stdout.trim();
    const first = await enqueue();
    await here.call(["jobs", "cancel", first]);
    const second = await enqueue();
    const { code, stdout } = await here.call(["jobs", "retry", first]);
    expect(code).toBe(1);
    expect(stdout).toContain(`Job ${first} was left: the unfinished job ${second} holds its key "k".`);
  });

  test("of jobs that were named each one is answered for, also those that cannot be changed", async () => {
    const here = await project();
    const enqueue = async () => (await here.call(["enqueue", "user.confirm", '{"id":1,"message":"a"}'])).stdout.trim();
    const [one, other] = [await enqueue(), await enqueue()];
    expect((await here.call(["jobs", "cancel", one])).code).toBe(0);
    const said = await here.call(["jobs", "cancel", one, other, "4711", "--yes"]);
    expect(said.code).toBe(1);
    expect(said.stdout).toContain("1 of 1 jobs cancelled.");
    expect(said.stdout).toContain(`Job ${one} is cancelled, so there is nothing to cancel.`);
    expect(said.stdout).toContain("There is no job 4711.");
    const json = await here.call(["jobs", "retry", one, "4711", "--yes", "--json"]);
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({ changed: 1, passedOver: [{ id: "4711" }] });
    expect((await here.call(["jobs", "retry", one, other, "--state", "cancelled", "--yes"])).code).toBe(0);
    const filtered = await here.call(["jobs", "retry", one, "--state", "failed"]);
    expect([filtered.code, filtered.stderr]).toEqual([1, expect.stringContaining(`Job ${one} is waiting`)]);
  });

  test.each([
    [["jobs", "list", "--state", "waitin"], "Did you mean waiting?"],
    [["jobs", "list", "--since", "yesterday"], "is no time"],
    [["jobs", "show", "abc"], "is no job's number"],
    [["jobs", "retry"], "Say which jobs to retry"],
    [["jobs", "retry", "--state", "succeeded"], "cannot be given to retry"],
    [["nonsense"], "unknown command"],
    [["deploy", "extend", "0s"], "is too short"],
    [["deploy", "show", "99999999999"], "is no deploy"],
    [["deploy", "run", "--workers", "", "--", "true"], "write a whole number"],
    [["check", "--prune", "--write"], "--prune asks production"],
    [["check", "--prune", "--format", "sarif"], "--prune asks production"],
    [["enqueue", "user.confirm", '{"id":1,"message":"a"}', "--at", "tomorrow 5"], "is no time"],
    [["enqueue", "user.confirm", '{"id":1,"message":"a"}', "--at", "5"], "is no time"],
  ])("%j is told what is wrong", async (args, message) => {
    const here = await project();
    const { code, stderr } = await here.call(args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  test.each([[["status", "--nope", "--json"]], [["--json", "wrok"]]])("%j answers in JSON", async (args) => {
    const here = await project();
    const { code, stderr } = await here.call(args);
    expect(code).toBe(2);
    const message = expect.stringContaining("unknown");
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: "TASKMASTER_USAGE", message } });
  });

  test("a job that is not there is an answer of its own", async () => {
    const here = await project();
    expect(await here.call(["jobs", "show", "4711", "--json"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('{"error":{"code":"TASKMASTER_NOT_DONE"'),
    });
  });
});

describe("work and status", () => {
  test("status shows the worker, and the backlog that nobody can read", async () => {
    const here = await project();
    await here.call(["enqueue", "user.confirm", '{"id":1,"message":"a"}', "--queue", "mail"]);
    const { child } = await worker(here, "--queue", "other", "--release", "r1");
    const status = JSON.parse((await here.call(["status", "--json"])).stdout);
    expect(status.processes).toMatchObject([{ role: "worker", release: "r1", queues: ["other"] }]);
    expect(status.backlog).toMatchObject([
      { task: "user.confirm", queue: "mail", waiting: 1, stranded: true, readers: null },
    ]);
    expect((await here.call(["status"])).stdout).toContain("no live worker runs user.confirm in that queue");
    child.kill("SIGTERM");
    await once(child, "exit");
  });

  test("status shows a chain as one thing, with what each of its links has", async () => {
    const here = await project({
      "tasks.ts": `
import { chain, task } from "taskmaster";
import { z } from "zod";
const fetch = task("fetch").payload(z.object({ id: z.number() })).short(({ id }) => ({ name: String(id) }));
const score = task("score").payload(z.object({ name: z.string() })).short(() => {});
export const onboard = chain("onboard", fetch, score);
export const alone = score;
`,
    });
    await here.call(["enqueue", "onboard:1", '{"id":1}']);
    for (const name of ["a", "b"]) await here.call(["enqueue", "onboard:2", JSON.stringify({ name })]);
    await here.call(["enqueue", "score", '{"name":"c"}']);
    const { backlog } = JSON.parse((await here.call(["status", "--json"])).stdout);
    expect(backlog).toMatchObject([
      { task: "onboard:1", chain: "onboard", link: 1, links: 2, waiting: 1 },
      { task: "onboard:2", chain: "onboard", link: 2, links: 2, waiting: 2 },
      { task: "score", chain: null, link: null, links: null, waiting: 1 },
    ]);
    const drawn = (await here.call(["status"])).stdout;
    expect(drawn).toMatch(
      /^onboard +3 .*a chain of 2$\n^ +link 1 +1 +default +1 .*\n^ +link 2 +1 +default +2 .*\n^score +1/m,
    );
  });

  test("SIGTERM lets a short task end and says so; the schedules of the file are registered", async () => {
    const here = await project();
    await here.call(["enqueue", "user.confirm", '{"id":1,"message":"slow"}']);
    const { child, until } = await worker(here);
    let stderr = "";
    child.stderr.on("data", (data: Buffer) => {
      stderr += data;
    });
    await Promise.all([until("job.started"), until("schedule.owned")]);
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
    expect(stderr).toContain("Waiting for 1 short tasks");
    expect(JSON.parse((await here.call(["jobs", "list", "--json"])).stdout).jobs).toMatchObject([
      { state: "succeeded" },
    ]);
    expect(JSON.parse((await here.call(["schedules", "--json"])).stdout).schedules).toMatchObject([
      { name: "nightly", cron: "0 3 * * *" },
    ]);
  });
});

describe("contracts", () => {
  test("a revision that a job still carries is not forgotten; a draft is", async () => {
    const here = await project();
    const id = (await here.call(["enqueue", "user.confirm", '{"id":1,"message":"a"}'])).stdout.trim();
    expect(await here.call(["contracts", "forget", "user.confirm", "--revision", "1"])).toMatchObject({ code: 1 });
    const { child, until } = await worker(here);
    await until("job.succeeded");
    child.kill("SIGTERM");
    await once(child, "exit");
    expect(JSON.parse((await here.call(["jobs", "show", id, "--json"])).stdout).state).toBe("succeeded");
    expect(await here.call(["contracts", "forget", "user.confirm", "--revision", "1"])).toMatchObject({ code: 0 });
    expect(JSON.parse((await here.call(["contracts", "list", "--json"])).stdout)).toEqual({ contracts: [] });
  });
});
