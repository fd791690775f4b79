import { Linter } from "eslint";
import { describe, expect, test } from "vitest";
import { rules, taskmaster } from "../../../src/lint/plugin.ts";

const linter = new Linter();

/** What a rule says of a task's body; and the code with its first suggestion taken. */
function lint(rule: string, code: string) {
  const config = {
    plugins: { taskmaster },
    rules: { [`taskmaster/${rule}`]: "error" },
    languageOptions: { ecmaVersion: 2024, sourceType: "module" },
  };
  const found = linter.verify(code, [config as never]);
  const [suggestion] = found[0]?.suggestions ?? [];
  const fixed =
    suggestion && code.slice(0, suggestion.fix.range[0]) + suggestion.fix.text + code.slice(suggestion.fix.range[1]);
  return { told: found.map(({ message }) => message), fixed };
}

function inTask(body: string, parameters = "payload, ctx"): string {
  return `export const t = task("t").payload(schema).interruptible(async (${parameters}) => { ${body} });`;
}

function inShort(body: string): string {
  return `export const t = task("t").payload(schema).short(async (payload, ctx) => { ${body} });`;
}

describe("await-step", () => {
  test("a step that nobody waits for", () => {
    const { told, fixed } = lint("await-step", inTask('ctx.step("a", () => load());'));
    expect(told).toEqual([
      "Nobody waits for this step: the task may end, or be interrupted, before it is recorded. Write: await ctx.step(…)",
    ]);
    expect(fixed).toBe(inTask('await ctx.step("a", () => load());'));
  });

  test("whatever its context is called, and where it is taken apart", () => {
    expect(lint("await-step", inTask('step("a", () => load());', "payload, { step }")).told).toHaveLength(1);
    expect(lint("await-step", inTask("c.sleep(5);", "payload, c")).told).toHaveLength(1);
    expect(lint("await-step", inTask("ctx.enqueue(other, {});")).told).toHaveLength(1);
    expect(lint("await-step", inTask('ctx.step.tx("a", (tx) => tx.query("select 1"));')).told).toHaveLength(1);
    expect(lint("await-step", inTask('step.tx("a", f);', "payload, { step }")).told).toHaveLength(1);
  });

  test.each([
    inTask('await ctx.step("a", () => load());'),
    inTask('const a = ctx.step("a", () => load()); await a;'),
    inTask('return ctx.step("a", () => load());'),
    inTask('await Promise.all([ctx.step("a", f), ctx.step("b", g)]);'),
    inShort('ctx.step("a", () => load());'),
    inTask('other.step("a", () => load());'),
    'ctx.step("a", () => load());',
  ])("is silent at %s", (code) => expect(lint("await-step", code).told).toEqual([]));
});

describe("enqueue-through-context", () => {
  test("an enqueue past the context", () => {
    const { told, fixed } = lint("enqueue-through-context", inTask("await taskmaster.enqueue(mail, { id: 1 });"));
    expect(told).toEqual([expect.stringContaining("Use ctx.enqueue(…), which")]);
    expect(fixed).toBe(inTask("await ctx.enqueue(mail, { id: 1 });"));
  });

  test("of many, too", () => {
    expect(
      lint("enqueue-through-context", inTask("await taskmaster.enqueueMany(mail, [{ id: 1 }]);")).told,
    ).toHaveLength(1);
  });

  test("in a loop over ctx.each, where a key is the way", () => {
    const body = 'for await (const id of ctx.each("mail", ids)) await taskmaster.enqueue(mail, { id });';
    const { told, fixed } = lint("enqueue-through-context", inTask(body));
    expect({ told: told.length, fixed }).toEqual({ told: 1, fixed: undefined });
  });

  test("in a step too, where a key is the way", () => {
    const { told, fixed } = lint(
      "enqueue-through-context",
      inTask('await ctx.step("a", () => queue.enqueue(mail, {}));'),
    );
    expect({ told: told.length, fixed }).toEqual({ told: 1, fixed: undefined });
  });

  test.each([
    inTask("await ctx.enqueue(mail, { id: 1 });"),
    inTask('await taskmaster.enqueue(mail, { id: 1 }, { key: "mail 1" });'),
    inShort("await taskmaster.enqueue(mail, { id: 1 });"),
    "await taskmaster.enqueue(mail, { id: 1 });",
  ])("is silent at %s", (code) => expect(lint("enqueue-through-context", code).told).toEqual([]));
});

describe("call-in-step", () => {
  test.each([
    ["fetch", inTask("const answer = await fetch(url);")],
    [
      "stripe",
      `import Stripe from "stripe"; const stripe = new Stripe(key); ${inTask("await stripe.charges.create({});")}`,
    ],
    [
      "nodemailer",
      `import { createTransport } from "nodemailer"; const mailer = createTransport({}); ${inTask("await mailer.sendMail({});")}`,
    ],
    [
      "@aws-sdk/client-ses",
      `import { SESClient } from "@aws-sdk/client-ses"; const ses = new SESClient({}); ${inTask("await ses.send(command);")}`,
    ],
    [
      "stripe",
      `import Stripe from "stripe"; const stripe = new Stripe(key); ${inTask("await stripe?.charges.create({});")}`,
    ],
    ["axios", `import axios from "axios"; ${inTask("for (const id of ids) await axios.post(url, { id });")}`],
  ])("a call of %s outside a step", (name, code) => {
    const { told } = lint("call-in-step", code);
    expect(told).toEqual([expect.stringContaining(`after this call of ${name} and run again`)]);
  });

  test.each([
    inTask('await ctx.step("ask", async () => (await fetch(url)).json());'),
    inTask('await ctx.step("ask", { attempts: 3 }, async () => (await fetch(url)).json());'),
    inTask('await ctx.step.tx("ask", async (tx) => { await fetch(url); });'),
    inShort("await fetch(url);"),
    "await fetch(url);",
    inTask("await load(url);"),
    `import { format } from "date-fns"; ${inTask("format(1);")}`,
  ])("is silent at %s", (code) => expect(lint("call-in-step", code).told).toEqual([]));

  test("knows more packages where they are named", () => {
    const config = {
      plugins: { taskmaster },
      rules: { "taskmaster/call-in-step": ["error", { modules: ["@ours/mail"] }] },
      languageOptions: { ecmaVersion: 2024, sourceType: "module" },
    };
    const code = `import { send } from "@ours/mail"; ${inTask("await send(1);")}`;
    expect(linter.verify(code, [config as never])).toHaveLength(1);
  });
});

describe("stable-between-steps", () => {
  test.each([
    [
      "Date.now()",
      'const now = Date.now(); await ctx.step("a", f);',
      'const now = await ctx.step("now", () => Date.now()); await ctx.step("a", f);',
    ],
    [
      "Math.random()",
      'if (Math.random() < 0.5) await ctx.step("a", f);',
      'if ((await ctx.step("random number", () => Math.random())) < 0.5) await ctx.step("a", f);',
    ],
    [
      "crypto.randomUUID()",
      'await ctx.step("a", f); return crypto.randomUUID();',
      'await ctx.step("a", f); return await ctx.step("id", () => crypto.randomUUID());',
    ],
  ])("%s beside steps", (call, body, fixed) => {
    const answer = lint("stable-between-steps", inTask(body));
    expect(answer.told).toEqual([expect.stringContaining(`${call} is another value when the task is interrupted`)]);
    expect(answer.fixed).toBe(inTask(fixed));
  });

  test("a new Date() beside steps is told, and nothing is suggested: a step keeps JSON", () => {
    const answer = lint("stable-between-steps", inTask('const on = new Date(); await ctx.step("a", f);'));
    expect(answer.told).toEqual([expect.stringContaining('await ctx.step("now", () => Date.now())')]);
    expect(answer.fixed).toBeUndefined();
  });

  test.each([
    inTask('const now = await ctx.step("now", () => Date.now());'),
    inTask("const now = Date.now();"),
    inTask('await ctx.step("a", f); const day = new Date(payload.at);'),
    inShort("const now = Date.now();"),
  ])("is silent at %s", (code) => expect(lint("stable-between-steps", code).told).toEqual([]));
});

describe("json-payload", () => {
  test("a date, with its ISO form", () => {
    const { told, fixed } = lint("json-payload", "await taskmaster.enqueue(mail, { id: 1, at: new Date() });");
    expect(told).toEqual(["A Date is no JSON, and a payload is stored as JSON. Write its ISO form: .toISOString()"]);
    expect(fixed).toBe("await taskmaster.enqueue(mail, { id: 1, at: new Date().toISOString() });");
  });

  test.each([
    ["A function", "q.enqueue(mail, { done: () => tell() });"],
    ["A BigInt", "q.enqueue(mail, { id: 10n });"],
    ["A Map", "q.enqueue(mail, { list: [{ names: new Map() }] });"],
    ["A Set", 'schedule("nightly", { cron: "0 3 * * *", task: mail, payload: { ids: new Set([1]) } });'],
    ["A Map", inTask('await ctx.step("a", { attempts: 2 }, () => new Map());')],
    ["A URL", inTask('await ctx.step("a", () => new URL(x));')],
  ])("%s", (what, code) => {
    const { told } = lint("json-payload", code);
    expect(told).toEqual([expect.stringContaining(`${what} is no JSON`)]);
  });

  test.each([
    'q.enqueue(mail, { id: 1, at: new Date().toISOString(), tags: ["a"], on: true, none: null });',
    "q.enqueue(mail, payload);",
    inTask('await ctx.step("a", () => load());'),
  ])("is silent at %s", (code) => expect(lint("json-payload", code).told).toEqual([]));
});

test("the recommended configuration has every rule, and each says what it is for", () => {
  expect(Object.keys(taskmaster.configs.recommended.rules)).toEqual(
    Object.keys(rules).map((name) => `taskmaster/${name}`),
  );
  const code = inTask("ctx.step('a', f); fetch(url);");
  expect(linter.verify(code, [taskmaster.configs.recommended as never])).toHaveLength(2);
});
