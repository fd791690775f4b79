import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { toStandardJsonSchema } from "@valibot/to-json-schema";
import { type } from "arktype";
import { createJiti } from "jiti";
import Type from "typebox";
import * as v from "valibot";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { typebox } from "../../../src/adapters/typebox.ts";
import { checkTasks } from "../../../src/check/check.ts";
import { checkedTasks, lockfileOf } from "../../../src/check/checked-task.ts";
import type { Lockfile } from "../../../src/check/lockfile.ts";
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

const zodLibrary: Library = {
  imports: 'import { z } from "zod";',
  pairs: changes,
};

type Schema = Parameters<ReturnType<typeof task>["payload"]>[0];

interface Library {
  readonly imports: string;
  readonly pairs: readonly (readonly [older: Schema, newer: Schema])[];
}

const valibotLibrary: Library = {
  imports: 'import * as v from "valibot";\nimport { toStandardJsonSchema } from "@valibot/to-json-schema";',
  pairs: (
    [
      [v.object({ id: v.number() }), v.object({ id: v.number(), date: v.string() })],
      [v.object({ id: v.number() }), v.object({ id: v.number(), on: v.picklist(["mail", "sms"]) })],
      [v.object({ id: v.number(), note: v.string() }), v.object({ id: v.number() })],
      [v.object({ id: v.number(), note: v.string() }), v.object({ id: v.number(), text: v.string() })],
      [v.object({ id: v.number() }), v.object({ id: v.string() })],
      [v.object({ id: v.number() }), v.object({ id: v.pipe(v.number(), v.integer()) })],
      [v.object({ note: v.optional(v.string()) }), v.object({ note: v.string() })],
      [v.object({ note: v.nullable(v.string()) }), v.object({ note: v.string() })],
      [v.object({ s: v.string() }), v.object({ s: v.pipe(v.string(), v.email()) })],
      [v.object({ n: v.number() }), v.object({ n: v.pipe(v.number(), v.minValue(1), v.maxValue(10)) })],
      [
        v.object({ to: v.string() }),
        v.object({ to: v.array(v.object({ name: v.string(), mail: v.optional(v.string()) })) }),
      ],
      [v.object({ tags: v.record(v.string(), v.number()) }), v.object({ tags: v.record(v.string(), v.string()) })],
      [v.strictObject({ id: v.number() }), v.strictObject({ id: v.number(), more: v.optional(v.string()) })],
      [v.object({ id: v.optional(v.number(), 3) }), v.object({ id: v.string() })],
    ] as const
  ).map(([older, newer]) => [toStandardJsonSchema(older), toStandardJsonSchema(newer)] as never),
};

const arktypeLibrary: Library = {
  imports: 'import { type } from "arktype";',
  pairs: [
    [type({ id: "number" }), type({ id: "number", date: "string" })],
    [type({ id: "number" }), type({ id: "number", on: "'mail' | 'sms'" })],
    [type({ id: "number", note: "string" }), type({ id: "number" })],
    [type({ id: "number", note: "string" }), type({ id: "number", text: "string" })],
    [type({ id: "number" }), type({ id: "string" })],
    [type({ id: "number" }), type({ id: "number.integer" })],
    [type({ "note?": "string" }), type({ note: "string" })],
    [type({ note: "string | null" }), type({ note: "string" })],
    [type({ s: "string" }), type({ s: "string >= 3" })],
    [type({ s: "string" }), type({ s: "string.email" })],
    [type({ n: "number" }), type({ n: "1 <= number <= 10" })],
    [type({ to: "string" }), type({ to: type({ name: "string", "mail?": "string" }).array() })],
    [type({ tags: "Record<string, number>" }), type({ tags: "Record<string, string>" })],
    [type({ "+": "reject", id: "number" }), type({ "+": "reject", id: "number", "more?": "string" })],
    [type({ list: "(string | number)[]" }), type({ list: "string[]" })],
  ] as never,
};

const typeboxLibrary: Library = {
  imports: `import Type from "typebox";\nimport { typebox } from "${join(root, "src/adapters/typebox.ts")}";`,
  pairs: (
    [
      [Type.Object({ id: Type.Number() }), Type.Object({ id: Type.Number(), date: Type.String() })],
      [
        Type.Object({ id: Type.Number() }),
        Type.Object({ id: Type.Number(), on: Type.Union([Type.Literal("mail"), Type.Literal("sms")]) }),
      ],
      [Type.Object({ id: Type.Number(), note: Type.String() }), Type.Object({ id: Type.Number() })],
      [
        Type.Object({ id: Type.Number(), note: Type.String() }),
        Type.Object({ id: Type.Number(), text: Type.String() }),
      ],
      [Type.Object({ id: Type.Number() }), Type.Object({ id: Type.String() })],
      [Type.Object({ id: Type.Number() }), Type.Object({ id: Type.Integer() })],
      [Type.Object({ note: Type.Optional(Type.String()) }), Type.Object({ note: Type.String() })],
      [Type.Object({ note: Type.Union([Type.String(), Type.Null()]) }), Type.Object({ note: Type.String() })],
      [Type.Object({ s: Type.String() }), Type.Object({ s: Type.String({ format: "email" }) })],
      [Type.Object({ n: Type.Number() }), Type.Object({ n: Type.Number({ minimum: 1, maximum: 10 }) })],
      [Type.Object({ to: Type.String() }), Type.Object({ to: Type.Array(Type.Object({ name: Type.String() })) })],
      [
        Type.Object({ tags: Type.Record(Type.String(), Type.Number()) }),
        Type.Object({ tags: Type.Record(Type.String(), Type.String()) }),
      ],
      [
        Type.Object({ id: Type.Number() }, { additionalProperties: false }),
        Type.Object({ id: Type.Number(), more: Type.Optional(Type.String()) }, { additionalProperties: false }),
      ],
    ] as const
  ).map(([older, newer]) => [typebox(older), typebox(newer)] as never),
};

const libraries: { readonly [name: string]: Library } = {
  zod: zodLibrary,
  valibot: valibotLibrary,
  arktype: arktypeLibrary,
  typebox: typeboxLibrary,
};

const of = (index: number, schema: Schema) =>
  task(`task${index}`)
    .payload(schema as never)
    .short(() => {});

test("the code of the one-deploy way compiles, and passes the check that asked for it, for each library", {
  timeout: 120_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "taskmaster-code-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  const bases = new Map<string, Lockfile>();
  for (const [name, { imports, pairs }] of Object.entries(libraries)) {
    const base = lockfileOf(checkedTasks(pairs.map(([older], index) => of(index, older))), root);
    const { findings } = await checkTasks({ tasks: pairs.map(([, newer], index) => of(index, newer)), base });
    const changed = findings.filter(({ rule }) => rule.startsWith("payload-"));
    expect(changed.map(({ task }) => task).sort()).toEqual(pairs.map((_, index) => `task${index}`).sort());
    const code = changed.map(
      ({ task, oneDeploy }) => `export const ${task} = task("${task}")\n${oneDeploy?.code}\n.short(() => {});`,
    );
    const head = `import { task } from "${join(root, "src/contract/task.ts")}";\n${imports}`;
    writeFileSync(join(folder, `${name}.ts`), `${head}\n${code.join("\n\n")}\n`);
    bases.set(name, base);
  }
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      extends: join(root, "tsconfig.json"),
      compilerOptions: { skipLibCheck: true, noEmit: true, noUnusedLocals: false, noUnusedParameters: false },
      include: ["*.ts"],
    }),
  );
  const { stdout } = await exec(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", folder]).catch(
    (error: { stdout: string }) => error,
  );
  expect(stdout).toBe("");

  for (const [name, base] of bases) {
    const module = await createJiti(import.meta.url).import<Record<string, unknown>>(join(folder, `${name}.ts`));
    const again = await checkTasks({ tasks: Object.values(module).filter(isTask), base });
    expect([name, again.findings.filter(({ severity }) => severity !== "note")]).toEqual([name, []]);
  }
});
