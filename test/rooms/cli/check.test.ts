import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { Project } from "../../setup/command-line.ts";
import { testDatabase } from "../../setup/database.ts";

const first = "z.object({ id: z.number(), message: z.string() })";

function tasks(chain: string, name = "user.confirm", end = '.short({ timeLimit: "30s" }, async () => {})'): string {
  return `import { task } from "taskmaster";\nimport { z } from "zod";\nexport const confirmUser = task("${name}")\n${chain}\n${end};\n`;
}

/** A project whose first revision is released: its lockfile is written. */
async function released(chain = `.payload(${first})`, end?: string): Promise<Project> {
  const project = new Project("postgres://nobody@127.0.0.1:1/none", { "tasks.ts": tasks(chain, "user.confirm", end) });
  const { code, stderr } = await project.call(["check", "--write"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining("wrote taskmaster.lock.json") });
  return project;
}

interface Answer {
  readonly verdict: string;
  readonly upToDate: boolean;
  readonly findings: readonly {
    readonly rule: string;
    readonly severity: string;
    readonly title: string;
    readonly task: string;
    readonly oneDeploy?: { readonly does: string; readonly code?: string };
    readonly phased?: readonly object[];
    readonly location: { readonly file: string; readonly line: number };
  }[];
}

async function ask(project: Project, ...args: string[]): Promise<{ code: number | null; answer: Answer }> {
  const { code, stdout, stderr } = await project.call(["check", "--json", ...args]);
  expect(stdout, stderr).not.toBe("");
  return { code, answer: JSON.parse(stdout) as Answer };
}

describe("the payload changes in place", () => {
  test.each([
    [
      "a mandatory field",
      "z.object({ id: z.number(), message: z.string(), date: z.string() })",
      "`date` was added as a mandatory field",
    ],
    ["a field removed", "z.object({ id: z.number() })", "`message` was removed"],
    [
      "a field renamed",
      "z.object({ id: z.number(), text: z.string() })",
      "`message` was removed and `text` added (renamed?)",
    ],
    ["a type changed", "z.object({ id: z.string(), message: z.string() })", "`id` was changed from number to string"],
    [
      "a type changed to a number",
      "z.object({ id: z.number(), message: z.number() })",
      "`message` was changed from string to number",
    ],
    ["a format", "z.object({ id: z.int(), message: z.string() })", "`id` was changed from number to integer"],
    ["several things", "z.object({ id: z.string(), text: z.string(), on: z.enum(['a', 'b']) })", "`text` was added"],
    [
      "a nested one",
      "z.object({ id: z.number(), message: z.string(), to: z.object({ name: z.string() }) })",
      "`to` was added",
    ],
  ])("%s: it is told with both ways out, and the code of the first can be pasted", async (_, schema, words) => {
    const project = await released();
    project.write("tasks.ts", tasks(`.payload(${schema})`));
    const { code, answer } = await ask(project);
    const [finding] = answer.findings;
    expect({ code, verdict: answer.verdict, rule: finding?.rule }).toEqual({
      code: 1,
      verdict: "breaking",
      rule: "payload-changed",
    });
    expect(finding?.title).toContain(words);
    expect(finding?.location).toEqual({ file: "tasks.ts", line: 3 });
    expect(finding?.phased).toHaveLength(3);

    project.write("tasks.ts", tasks(finding?.oneDeploy?.code ?? ""));
    const pasted = await ask(project, "--no-frozen");
    expect(pasted.answer.findings.map(({ rule, title }) => `${rule}: ${title}`)).toEqual([
      "revision-added: revision 2 is new; it can be deployed at once, and rolled back",
    ]);
    expect({ code: pasted.code, upToDate: pasted.answer.upToDate }).toEqual({ code: 0, upToDate: false });
  });

  test("an optional field is a warning, because old workers ignore it", async () => {
    const project = await released();
    project.write("tasks.ts", tasks(`.payload(${first.replace(" })", ", date: z.string().optional() })")})`));
    const { code, answer } = await ask(project, "--no-frozen");
    expect(code).toBe(0);
    expect(answer.findings).toMatchObject([{ rule: "payload-ignored", severity: "warning" }]);
    expect(answer.findings[0]?.title).toContain("`date` was added as an optional field");
  });

  test("an older revision of the chain is to be put back", async () => {
    const second = `.revise(z.object({ id: z.number() }), { upgrade: ({ id }) => ({ id: Number(id) }) })`;
    const project = await released(`.payload(${first})${second}`);
    project.write("tasks.ts", tasks(`.payload(z.object({ id: z.string() }))${second}`));
    const { answer } = await ask(project);
    const [finding] = answer.findings.filter(({ severity }) => severity === "breaking");
    expect(finding?.oneDeploy).toEqual({
      does: "Revision 1 of user.confirm is history: jobs of it may be waiting, and its meaning cannot change. Put it back as it was:",
      code: `.payload(${first})`,
    });
  });
});

describe("what else breaks", () => {
  const revised = `.payload(${first}).revise(z.object({ id: z.number() }), { upgrade: ({ id }) => ({ id }), downgrade: ({ id }) => ({ id, message: "" }) })`;

  test("an upgrade or a downgrade that fails on what it may meet", async () => {
    const project = await released();
    const chain = (conversions: string) =>
      `.payload(${first}).revise(z.object({ id: z.string() }), { ${conversions} })`;
    project.write("tasks.ts", tasks(chain("upgrade: ({ id }) => ({ id: id as unknown as string })")));
    expect((await ask(project)).answer.findings[0]).toMatchObject({
      rule: "upgrade-fails",
      title: expect.stringContaining("fails for all 9 generated payloads: revision 2 refuses what it returns: `id`"),
    });
    project.write("tasks.ts", tasks(chain("upgrade: ({ id, message }) => ({ id: message[0]!.toUpperCase() + id })")));
    expect((await ask(project)).answer.findings[0]).toMatchObject({
      rule: "upgrade-fails",
      title: expect.stringMatching(/fails for \d of 9 generated payloads: it throws: Cannot read/),
    });
    project.write(
      "tasks.ts",
      tasks(chain("upgrade: ({ id }) => ({ id: String(id) }), downgrade: () => { throw new Error('never') }")),
    );
    expect((await ask(project)).answer.findings[0]).toMatchObject({ rule: "downgrade-fails", severity: "breaking" });
  });

  test.each([
    ["the task is gone", "export {};", "task-deleted", "breaking"],
    [
      "its revision is dropped",
      tasks(".payload(z.object({ id: z.number() }), { revision: 2 })"),
      "revision-dropped",
      "breaking",
    ],
    ["its last revision is gone", tasks(`.payload(${first})`), "revision-withdrawn", "breaking"],
    ["its downgrade is gone", tasks(revised.replace(/, downgrade: .* }\)$/, " })")), "downgrade-dropped", "warning"],
    ["its function is gone", tasks(revised, "user.confirm", ""), "function-removed", "breaking"],
    ["it is renamed", tasks(`${revised}.formerly("user.confirm")`, "user.notify"), "task-renamed", "warning"],
    [
      "it became interruptible",
      tasks(revised, "user.confirm", ".interruptible(async () => {})"),
      "became-interruptible",
      "warning",
    ],
    [
      "its time limit is lower",
      tasks(revised, "user.confirm", '.short({ timeLimit: "5s" }, async () => {})'),
      "time-limit-lowered",
      "warning",
    ],
    [
      "it moved",
      tasks(revised).replace('"user.confirm"', '"user.confirm", { queue: "mail" }'),
      "queue-moved",
      "warning",
    ],
    ["it is retired", tasks(`${revised}.retired()`), "task-retired", "note"],
  ])("%s", async (_, file, rule, severity) => {
    const project = await released(revised);
    project.write("tasks.ts", file);
    const { code, answer } = await ask(project, "--no-frozen");
    expect(answer.findings).toContainEqual(expect.objectContaining({ rule, severity }));
    expect(code).toBe(severity === "breaking" ? 1 : 0);
  });

  test("a task that got another name without saying so is asked about", async () => {
    const project = await released();
    project.write("tasks.ts", tasks(`.payload(${first})`, "user.notify"));
    const { answer } = await ask(project);
    expect(answer.findings[0]?.title).toBe("is gone from the code; was it renamed to user.notify?");
    expect(answer.findings[0]?.oneDeploy?.does).toContain('.formerly("user.confirm")');
  });

  test("a schedule with a payload that its task refuses", async () => {
    const project = await released();
    const wrong = `import { schedule } from "taskmaster";\nexport const nightly = schedule("nightly", { cron: "0 3 * * *", task: confirmUser, payload: { id: "x" } as never });`;
    project.write("tasks.ts", `${tasks(`.payload(${first})`)}${wrong}`);
    expect((await ask(project)).answer.findings[0]).toMatchObject({ rule: "schedule-refused", severity: "breaking" });
  });
});

describe("the lockfile", () => {
  test("is written the same whatever the order of files, and reads well as a diff", async () => {
    const project = await released();
    const { stdout } = await project.call(["check"]);
    expect(stdout).toContain("Can be deployed: 1 task with 1 revision, 0 warnings");
    const again = await project.call(["check", "--write"]);
    expect(again.stderr).toContain("taskmaster.lock.json is up to date");
  });

  test("is not written over what breaks, but with a reason, which stands in it until the task changes again", async () => {
    const project = await released();
    project.write("tasks.ts", tasks(".payload(z.object({ id: z.number() }))"));
    expect((await project.call(["check", "--write"])).code).toBe(1);
    expect((await project.call(["check"])).code).toBe(1);
    expect((await project.call(["check", "--write", "--accept", "nobody uses it"])).code).toBe(0);
    expect((await project.call(["check"])).code).toBe(0);
  });

  test("is compared with that of a git revision, where an accepted change is known and a draft is none", async () => {
    const project = await released();
    const git = (...args: string[]) =>
      execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@example.com", ...args], { cwd: project.folder });
    git("init", "-q", "-b", "main");
    git("add", "tasks.ts", "taskmaster.lock.json");
    git("commit", "-qm", "first");
    const draft = (type: string) =>
      tasks(`.payload(${first}).revise(z.object({ id: ${type} }), { upgrade: ({ id }) => ({ id: id as never }) })`);
    project.write("tasks.ts", draft("z.number()"));
    expect((await project.call(["check", "--write", "--base", "main"])).code).toBe(0);
    project.write("tasks.ts", draft("z.any()"));
    expect((await ask(project)).code).toBe(1);
    expect((await ask(project, "--base", "main", "--no-frozen")).code).toBe(0);

    project.write("tasks.ts", tasks(".payload(z.object({ id: z.string(), message: z.string() }))"));
    expect((await ask(project, "--base", "main")).code).toBe(1);
    await project.call(["check", "--write", "--base", "main", "--accept", "drained by hand"]);
    const { code, answer } = await ask(project, "--base", "main");
    expect({ code, findings: answer.findings }).toMatchObject({ code: 0, findings: [{ accepted: "drained by hand" }] });
  });

  test("help shows examples and exit codes", async () => {
    const project = await released();
    expect((await project.call(["check", "--help"])).stdout).toMatch(/Exit codes: 0 fine, 1 .*\n\nExamples:/);
    expect((await project.call(["plan", "--help"])).stdout).toContain("Examples:");
  });

  test("what cannot be checked ends with 2, and says what to do", async () => {
    const project = await released();
    const missing = await project.call(["check", "--base", "nowhere"]);
    expect(missing).toMatchObject({ code: 2, stderr: expect.stringContaining("git repository") });
    project.write("taskmaster.lock.json", "<<<<<<< HEAD\n{}");
    expect(await project.call(["check"])).toMatchObject({ code: 2, stderr: expect.stringContaining("merge conflict") });
    project.write("tasks.ts", "export const a = ;");
    expect(await project.call(["check"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("could not be loaded"),
    });
  });

  test("ends, though what was loaded keeps the program alive", async () => {
    const project = await released();
    project.write("tasks.ts", `${tasks(`.payload(${first})`)}setInterval(() => {}, 1000);`);
    expect((await project.call(["check"])).code).toBe(0);
    project.write("taskmaster.lock.json", "{");
    expect((await project.call(["check"])).code).toBe(2);
  });

  test("fails in CI where it is not up to date", async () => {
    const project = await released();
    project.write(
      "tasks.ts",
      `${tasks(`.payload(${first})`)}export const other = task("other").payload(z.object({}));`,
    );
    expect((await project.call(["check", "--frozen"])).code).toBe(1);
    expect((await project.call(["check", "--no-frozen"])).code).toBe(0);
  });
});

describe("formats", () => {
  test("annotations of GitHub and SARIF say the same, at the task's line", async () => {
    const project = await released();
    project.write("tasks.ts", tasks(".payload(z.object({ id: z.string(), message: z.string() }))"));
    const github = await project.call(["check", "--format", "github"]);
    expect(github.code).toBe(1);
    expect(github.stdout).toMatch(/^::error file=tasks\.ts,line=3,title=user\.confirm%3A `id` was changed from number/);
    expect(github.stdout.trim().split("\n")).toHaveLength(1);
    const sarif = await project.call(["check", "--format", "sarif"]);
    expect(JSON.parse(sarif.stdout)).toMatchObject({
      version: "2.1.0",
      runs: [
        {
          results: [
            {
              ruleId: "payload-changed",
              level: "error",
              locations: [{ physicalLocation: { region: { startLine: 3 } } }],
            },
          ],
        },
      ],
    });
  });
});

describe("production", () => {
  test("check --live, check --prune, plan and plan --status ask the database", async () => {
    const { url } = await testDatabase();
    const project = new Project(url, { "tasks.ts": tasks(`.payload(${first})`) });
    await project.call(["check", "--write"]);
    expect((await project.call(["enqueue", "user.confirm", '{"id":1,"message":""}'])).code).toBe(0);
    expect(await project.call(["check", "--live"])).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("ran 1 stored payload through this code"),
    });

    const upgrade = "upgrade: ({ message }) => ({ text: message || (undefined as never) })";
    project.write("tasks.ts", tasks(`.payload(${first}).revise(z.object({ text: z.string() }), { ${upgrade} })`));
    const live = await ask(project, "--live");
    expect(live.code).toBe(1);
    expect(live.answer.findings.map(({ rule, title }) => `${rule}: ${title}`)).toContainEqual(
      expect.stringMatching(
        /^backlog-refused: 1 of 1 jobs of revision 1 would fail: `text` is missing; first: job \d+, waiting$/,
      ),
    );

    const pruned = await project.call(["check", "--prune"]);
    expect(pruned.stdout).toMatch(/needed {2}user\.confirm: revision 1 and its upgrade\n.*1 job \(the last due/);
    const planned = await project.call(["plan"]);
    expect(planned.stdout).toMatch(/^Deploy 1\n {2}user\.confirm: Deploy revision 2\./);
    expect(planned.stdout).toContain("Deploy 2 is safe when");
    const status = await project.call(["plan", "--status"]);
    expect(status).toMatchObject({ code: 0, stdout: expect.stringContaining("Deploy 1  production is here") });
    expect(status.stdout).toContain("… no live worker runs user.confirm");
  });

  test("a database that does not answer is no finding", async () => {
    const project = await released();
    expect((await project.call(["check", "--live"])).code).toBe(2);
  });
});
