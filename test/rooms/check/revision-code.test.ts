import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createJiti } from "jiti";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { checkTasks } from "../../../src/check/check.ts";
import { checkedTasks, lockfileOf } from "../../../src/check/checked-task.ts";
import { isTask, task } from "../../../src/contract/task.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const exec = promisify(execFile);

/** Changes as people make them: the code that is given for each is to compile, and to pass the check. */
const changes: readonly (readonly [older: z.ZodObject, newer: z.ZodObject])[] = [
  [z.object({ id: z.number() }), z.object({ id: z.number(), date: z.string() })],
  [z.object({ id: z.number() }), z.object({ id: z.number(), a: z.string(), b: z.boolean(), c: z.array(z.string()) })],
  [z.object({ id: z.number() }), z.object({ id: z.number(), on: z.enum(["mail", "sms"]) })],
  [z.object({ id: z.number() }), z.object({ id: z.number(), at: z.iso.datetime(), to: z.email() })],
  [z.object({ id: z.number(), note: z.string() }), z.object({ id: z.number() })],
  [z.object({ id: z.number(), note: z.string().optional() }), z.object({ id: z.number() })],
  [z.object({ id: z.number(), note: z.string() }), z.object({ id: z.number(), text: z.string() })],
  [z.object({ id: z.number(), note: z.string() }), z.object({ id: z.number(), text: z.number() })],
  [z.object({ id: z.number() }), z.object({ id: z.string() })],
  [z.object({ id: z.string() }), z.object({ id: z.number() })],
  [z.object({ id: z.string() }), z.object({ id: z.int() })],
  [z.object({ id: z.number() }), z.object({ id: z.int() })],
  [z.object({ on: z.string() }), z.object({ on: z.boolean() })],
  [z.object({ note: z.string().optional() }), z.object({ note: z.string() })],
  [z.object({ note: z.string() }), z.object({ note: z.string().optional() })],
  [z.object({ note: z.string().nullable() }), z.object({ note: z.string() })],
  [z.object({ note: z.string() }), z.object({ note: z.string().nullable() })],
  [z.object({ n: z.number() }), z.object({ n: z.number().min(1).max(10) })],
  [z.object({ s: z.string() }), z.object({ s: z.string().min(3) })],
  [z.object({ s: z.string() }), z.object({ s: z.email() })],
  [z.object({ on: z.enum(["a", "b", "c"]) }), z.object({ on: z.enum(["a", "b"]) })],
  [z.object({ on: z.enum(["a", "b"]) }), z.object({ on: z.enum(["a", "b", "c"]) })],
  [z.object({ to: z.string() }), z.object({ to: z.array(z.string()) })],
  [z.object({ to: z.string() }), z.object({ to: z.object({ name: z.string(), mail: z.string().optional() }) })],
  [z.object({ "first-name": z.string(), class: z.number() }), z.object({ "last-name": z.string() })],
  [z.object({ a: z.string(), b: z.string() }), z.object({ a: z.number(), c: z.number() })],
  [z.object({ tags: z.record(z.string(), z.number()) }), z.object({ tags: z.record(z.string(), z.string()) })],
  [z.object({ id: z.number(), n: z.number().default(3) }), z.object({ id: z.number(), n: z.number() })],
  [z.strictObject({ id: z.number() }), z.strictObject({ id: z.number(), more: z.string().optional() })],
  [z.object({ older: z.string(), rest: z.number() }), z.object({ newer: z.number() })],
];

test("the code of the one-deploy way compiles, and passes the check that asked for it", {
  timeout: 120_000,
}, async () => {
  const of = (index: number, schema: z.ZodObject) =>
    task(`task${index}`)
      .payload(schema as never)
      .short(() => {});
  const before = changes.map(([older], index) => of(index, older));
  const base = lockfileOf(checkedTasks(before), root);
  const { findings } = await checkTasks({ tasks: changes.map(([, newer], index) => of(index, newer)), base });
  const changed = findings.filter(({ rule }) => rule.startsWith("payload-"));
  expect(changed.map(({ task }) => task).sort()).toEqual(changes.map((_, index) => `task${index}`).sort());

  const folder = mkdtempSync(join(tmpdir(), "taskmaster-code-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  const code = changed.map(
    ({ task, oneDeploy }) => `export const ${task} = task("${task}")\n${oneDeploy?.code}\n.short(() => {});`,
  );
  const head = `import { task } from "${join(root, "src/contract/task.ts")}";\nimport { z } from "zod";`;
  writeFileSync(join(folder, "tasks.ts"), `${head}\n${code.join("\n\n")}\n`);
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      extends: join(root, "tsconfig.json"),
      compilerOptions: { skipLibCheck: true, noEmit: true, noUnusedLocals: false, noUnusedParameters: false },
      include: ["tasks.ts"],
    }),
  );
  const { stdout } = await exec(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", folder]).catch(
    (error: { stdout: string }) => error,
  );
  expect(stdout).toBe("");

  const module = await createJiti(import.meta.url).import<Record<string, unknown>>(join(folder, "tasks.ts"));
  const again = await checkTasks({ tasks: Object.values(module).filter(isTask), base });
  expect(again.findings.filter(({ severity }) => severity !== "note")).toEqual([]);
});
