import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  exports: Record<string, string | { types: string }>;
};
const subpaths = Object.entries(exports)
  .filter(([, target]) => typeof target !== "string")
  .map(([subpath]) => `taskmaster${subpath.slice(1)}`);

/** Compiles a program in a folder of a user's. Answers with what the compiler had against it. */
async function compile(
  program: string,
  options: Record<string, unknown>,
  installed = ["zod", "pg", "typebox", "@sinclair", "@standard-schema", "@types"],
): Promise<string> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "taskmaster-types-")));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(root, join(folder, "node_modules/taskmaster"));
  for (const name of installed) symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  writeFileSync(join(folder, "program.ts"), program);
  const common = {
    strict: true,
    noEmit: true,
    target: "es2022",
    lib: ["es2023", "esnext.disposable"],
    types: ["node"],
  };
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({ compilerOptions: { ...common, ...options }, files: ["program.ts"] }),
  );
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const { stdout } = await promisify(execFile)(process.execPath, [tsc, "-p", folder]).catch(
    (error: { stdout: string }) => error,
  );
  return stdout;
}

test.each([
  ["nodenext", "nodenext"],
  ["esnext", "bundler"],
])(
  "every subpath has types under module %s, moduleResolution %s",
  { timeout: 240_000 },
  async (module, moduleResolution) => {
    const program = `
    ${subpaths.map((subpath, index) => `export * as part${index} from "${subpath}";`).join("\n")}
    import Type from "typebox";
    import { Taskmaster, task } from "taskmaster";
    import { typebox } from "taskmaster/typebox";
    import { z } from "zod";
    const hello = task("hello").payload(z.object({ name: z.string() }));
    const other = task("other").payload(typebox(Type.Object({ name: Type.String() })));
    const taskmaster = new Taskmaster();
    export const right = [taskmaster.enqueue(hello, { name: "a" }), taskmaster.enqueue(other, { name: "a" })];
    // @ts-expect-error a wrong payload does not compile
    export const wrong = taskmaster.enqueue(hello, { name: 1 });
    // @ts-expect-error neither does it with TypeBox
    export const alsoWrong = taskmaster.enqueue(other, { name: 1 });
  `;
    expect(await compile(program, { module, moduleResolution, skipLibCheck: true })).toBe("");
  },
);

test("its declarations hold where libraries are checked, too", { timeout: 240_000 }, async () => {
  const program = 'export * as one from "taskmaster";\nexport * as two from "taskmaster/worker";\n';
  expect(await compile(program, { module: "nodenext", skipLibCheck: false })).toBe("");
});

test("the types want nothing that is not installed with the package: no @types, no lib beyond a program's usual ones", {
  timeout: 240_000,
}, async () => {
  const plain = subpaths.filter((subpath) => !/typebox|eslint/.test(subpath)); // those are for who has installed these
  const program = plain.map((subpath, index) => `export * as part${index} from "${subpath}";`).join("\n");
  const options = { module: "nodenext", lib: ["es2022", "dom"], types: [], preserveSymlinks: true };
  expect(await compile(program, options, ["zod", "pg", "@standard-schema"])).toBe("");
});
