import { toStandardJsonSchema } from "@valibot/to-json-schema";
import { type } from "arktype";
import Type from "typebox";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { typebox } from "../../../src/adapters/typebox.ts";
import { checkTasks } from "../../../src/check/check.ts";
import { checkedTasks, lockfileOf } from "../../../src/check/checked-task.ts";
import { type Lockfile, LockfileError, parseLockfile } from "../../../src/check/lockfile.ts";
import { lockfileText } from "../../../src/check/lockfile-text.ts";
import { type AnyTask, task } from "../../../src/contract/task.ts";

function lock(...tasks: AnyTask[]): Lockfile {
  return lockfileOf(checkedTasks(tasks), process.cwd());
}

async function findings(before: Lockfile | readonly AnyTask[], now: readonly AnyTask[]) {
  const base = Array.isArray(before) ? lock(...before) : (before as Lockfile);
  const report = await checkTasks({ tasks: now, base });
  return report.findings;
}

const confirm = (schema: never) =>
  task("user.confirm")
    .payload(schema)
    .short(() => {});

describe("every library", () => {
  test.each([
    ["arktype", type({ id: "number" }), type({ id: "number", date: "string" }), 'type({ id: "number" })'],
    [
      "valibot",
      toStandardJsonSchema(v.object({ id: v.number() })),
      toStandardJsonSchema(v.object({ id: v.number(), date: v.string() })),
      "toStandardJsonSchema(v.object({ id: v.number() }))",
    ],
    [
      "typebox",
      typebox(Type.Object({ id: Type.Number() })),
      typebox(Type.Object({ id: Type.Number(), date: Type.String() })),
      "typebox(Type.Object({ id: Type.Number() }))",
    ],
  ])("%s: a mandatory field is found, and the code is in its words", async (vendor, older, newer, source) => {
    const before = lock(confirm(older as never));
    expect(before.libraries).toEqual({ [vendor]: expect.stringMatching(/^\d+\.\d+\.\d+/) });
    const [finding] = await findings(before, [confirm(newer as never)]);
    expect(finding).toMatchObject({
      rule: "payload-changed",
      title: expect.stringContaining("`date` was added as a mandatory field"),
    });
    expect(finding?.oneDeploy?.code).toContain(`.payload(${source})`);
    expect(finding?.oneDeploy?.code).toContain('upgrade: (older) => ({ ...older, date: "unknown" })');
  });

  test("what cannot be written back in its library has its place in the code", async () => {
    const schema = (rest: object) => type({ id: "number", at: "string.date.iso", ...rest }) as never;
    const [finding] = await findings([confirm(schema({}))], [confirm(schema({ date: "string" }))]);
    expect(finding?.oneDeploy?.code).toContain(".payload(olderSchema /* as it was before your change */)");
  });

  test("the same payload in another library is no change", async () => {
    const before = lock(confirm(z.object({ id: z.number(), name: z.string() }) as never));
    expect(await findings(before, [confirm(type({ id: "number", name: "string" }) as never)])).toEqual([]);
  });
});

describe("an update of the schema library", () => {
  const email = z.object({ to: z.string().refine((to) => to.length < 100, "is too long") });

  test("is told where its validator refuses what its schema allows", async () => {
    const before = lock(confirm(email as never));
    expect(await findings(before, [confirm(email as never)])).toEqual([]);
    const updated = { ...before, libraries: { zod: "4.2.1" } };
    expect(await findings(updated, [confirm(email as never)])).toMatchObject([
      {
        rule: "validator-refuses",
        severity: "warning",
        title: expect.stringMatching(/^zod 4\.2\.1 → 4\.\d+\.\d+: its validator refuses/),
      },
    ]);
  });

  test("is named where the payload changed with it", async () => {
    const before = { ...lock(confirm(z.object({ id: z.number() }) as never)), libraries: { zod: "4.2.1" } };
    const [finding] = await findings(before, [confirm(z.object({ id: z.int() }) as never)]);
    expect(finding?.title).toContain("zod 4.2.1 → ");
  });
});

test("what nobody can prove breaks, and says so", async () => {
  const text = (pattern: RegExp) => confirm(z.object({ code: z.string().regex(pattern) }) as never);
  // The same texts, said in another way, with back-references: nothing refutes it, and no automaton proves it.
  const [finding] = await findings([text(/^(\w)\1*$/)], [text(/^(\w)(\1)*$/)]);
  expect(finding).toMatchObject({ rule: "payload-unproven", severity: "breaking" });
  expect(finding?.effects.map(({ what }) => what)).toContain(
    "whether some queued jobs are refused cannot be proved either way, so take it that they are.",
  );
});

test("a refinement keeps payloads that nobody can enqueue from an upgrade", async () => {
  const chain = task("user.confirm")
    .payload(z.object({ n: z.number().refine((n) => n > 0) }))
    .revise(z.object({ n: z.number().min(0) }), { upgrade: (older) => older })
    .short(() => {});
  expect((await findings([], [chain])).map(({ rule }) => rule)).toEqual(["task-added"]);
});

test("conversions and validators that take their time are waited for", async () => {
  const slow = z.object({ id: z.number() }).refine(async () => true);
  const chain = task("user.confirm")
    .payload(slow)
    .revise(z.object({ id: z.string() }), {
      upgrade: async ({ id }) => ({ id: String(id) }),
      downgrade: async () => ({ id: "x" as never }),
    })
    .short(() => {});
  expect(await findings([], [chain])).toMatchObject([
    { rule: "downgrade-fails", severity: "breaking" },
    { rule: "task-added" },
  ]);
});

test("two tasks of one name cannot be checked", async () => {
  const [one, other] = [1, 2].map(() => confirm(z.object({ id: z.number() }) as never));
  await expect(checkTasks({ tasks: [one, other] as AnyTask[], base: lock() })).rejects.toThrow(
    "Two tasks are named user.confirm",
  );
});

test("a contract and the task that runs it are one", async () => {
  const contract = task("user.confirm").payload(z.object({ id: z.number() }));
  const runs = contract.short(() => {});
  expect(lock(contract, runs)).toEqual(lock(runs, contract));
  expect(lock(contract, runs).tasks["user.confirm"]?.kind).toBe("short");
});

describe("the lockfile's text", () => {
  const tasks = () => [
    task("b.second", { queue: "mail" })
      .payload(z.object({ at: z.iso.date(), tags: z.array(z.string()).max(3) }))
      .retired()
      .interruptible(() => {}),
    task("a.first")
      .payload(z.object({ id: z.number(), message: z.string() }))
      .revise(z.object({ id: z.number(), to: z.object({ name: z.string() }) }), {
        upgrade: ({ id }) => ({ id, to: { name: "x" } }),
        downgrade: ({ id }) => ({ id, message: "" }),
      })
      .formerly("older.name")
      .short({ timeLimit: "5s" }, () => {}),
  ];

  test("is the same whatever the order of tasks, and has a line for each property", () => {
    const text = lockfileText(lock(...tasks()));
    expect(lockfileText(lock(...tasks().reverse()))).toBe(text);
    expect(text.replace(/"zod": "[^"]+"/, '"zod": "4"')).toMatchInlineSnapshot(`
      "{
        "lockfile": 1,
        "libraries": {
          "zod": "4"
        },
        "tasks": {
          "a.first": {
            "kind": "short",
            "queue": "default",
            "timeLimitMs": 5000,
            "afterCrash": "hold",
            "attempts": 10,
            "formerly": ["older.name"],
            "library": "zod",
            "revisions": {
              "1": {
                "schema": {
                  "type": "object",
                  "properties": {
                    "id": { "type": "number" },
                    "message": { "type": "string" }
                  },
                  "required": ["id", "message"]
                }
              },
              "2": {
                "downgrade": true,
                "schema": {
                  "type": "object",
                  "properties": {
                    "id": { "type": "number" },
                    "to": { "type": "object", "properties": { "name": { "type": "string" } }, "required": ["name"] }
                  },
                  "required": ["id", "to"]
                }
              }
            }
          },
          "b.second": {
            "kind": "interruptible",
            "queue": "mail",
            "attempts": 10,
            "retired": true,
            "library": "zod",
            "revisions": {
              "1": {
                "schema": {
                  "type": "object",
                  "properties": {
                    "at": {
                      "type": "string",
                      "format": "date",
                      "pattern": "^(?:(?:\\\\d\\\\d[2468][048]|\\\\d\\\\d[13579][26]|\\\\d\\\\d0[48]|[02468][048]00|[13579][26]00)-02-29|\\\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\\\d|30)|(?:02)-(?:0[1-9]|1\\\\d|2[0-8])))$"
                    },
                    "tags": { "type": "array", "items": { "type": "string" }, "maxItems": 3 }
                  },
                  "required": ["at", "tags"]
                }
              }
            }
          }
        }
      }
      "
    `);
  });

  test("is read as it was written", () => {
    const written = lock(...tasks());
    expect(parseLockfile(lockfileText(written), "it")).toEqual(written);
  });

  test.each([
    ["{", "is no JSON"],
    ['{ "lockfile": 2 }', "is no lockfile of this version"],
    ['{ "lockfile": 1, "libraries": {}, "tasks": { "a": { "queue": "q" } } }', "was changed by hand: a cannot be read"],
    [
      '{ "lockfile": 1, "libraries": {}, "tasks": { "a": { "queue": "q", "revisions": { "1": { "schema": {} }, "3": { "schema": {} } } } } }',
      "a cannot be read",
    ],
  ])("is refused where it is broken: %s", (text, message) => {
    expect(() => parseLockfile(text, "taskmaster.lock.json")).toThrow(LockfileError);
    expect(() => parseLockfile(text, "taskmaster.lock.json")).toThrow(message);
  });
});

test("an upgrade that is changed in a released chain is tried, whatever its schemas are", async () => {
  const chain = (second: string) =>
    task("user.confirm")
      .payload(z.object({ id: z.number() }))
      .revise(z.object({ id: z.string() }), {
        upgrade: ({ id }) => ({ id: second === "text" ? String(id) : (id as never) }),
      })
      .revise(z.object({ id: z.string(), more: z.boolean() }), { upgrade: (older) => ({ ...older, more: true }) })
      .short(() => {});
  expect(await findings([chain("text")], [chain("text")])).toEqual([]);
  expect(await findings([chain("text")], [chain("number")])).toMatchObject([{ rule: "upgrade-fails", revision: 2 }]);
});
