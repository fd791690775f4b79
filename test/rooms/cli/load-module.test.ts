import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { loadModule } from "../../../src/cli/load-module.ts";
import { withoutTypes } from "../../../src/process/without-types.ts";

const made: string[] = [];
afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});

/** A folder with these files. */
function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), "taskmaster-modules-"));
  made.push(folder);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

/** A module of `main.ts` beside others, and two packages: one of each kind. */
function load(main: string, others: Readonly<Record<string, string>> = {}) {
  const folder = folderOf({
    "package.json": `{ "type": "module" }`,
    "node_modules/modern/package.json": `{ "type": "module", "exports": "./index.js", "name": "modern" }`,
    "node_modules/modern/index.js": "export const one = 1; export default class Modern {}; await 0;",
    "node_modules/old/package.json": `{ "name": "old", "main": "index.js" }`,
    "node_modules/old/index.js": "module.exports = function old() { return 'old'; }; module.exports.two = 2;",
    "main.ts": main,
    ...others,
  });
  return loadModule(join(folder, "main.ts"));
}

/** What jiti asks to be transformed. */
const asked = (source: string, async = true) => withoutTypes({ source, filename: "/project/main.ts", async });

describe("TypeScript is loaded as it stands", () => {
  test("packages of either kind, by their default, by name and whole", async () => {
    const module = await load(
      `
      import Modern, { one } from "modern";
      import * as modern from "modern";
      import old, { two } from "old";
      import "modern";
      import type { Nothing } from "nowhere";
      export { one as renamed } from "modern";
      export * from "./other";
      export const all = [new Modern() instanceof modern.default, one, modern.one, old(), two] as const;
      export const none: Nothing | undefined = undefined;
    `,
      {
        "other.ts":
          "export interface Shape { readonly of: string }\nexport const other = { of: 'it' } satisfies Shape;",
      },
    );
    expect(module.all).toEqual([true, 1, 1, "old", 2]);
    expect(module).toMatchObject({ renamed: 1, other: { of: "it" } });
  });

  test("modules that import each other", async () => {
    const module = await load(
      `import { half } from "./half.ts";\nexport function whole(): number { return 2; }\nexport const twice = () => half() * 4;`,
      { "half.ts": `import { whole } from "./main.ts";\nexport const half = (): number => whole() / 2;` },
    );
    expect((module.twice as () => number)()).toBe(4);
  });

  test("one module is one, whoever imports it", async () => {
    const module = await load(
      `import { a } from "./a.ts";\nimport { b } from "./b.ts";\nexport const same = a === b;`,
      {
        "a.ts": `export { it as a } from "./shared.ts";`,
        "b.ts": `import { it } from "./shared.ts";\nexport const b = it;`,
        "shared.ts": "export const it: object = {};",
      },
    );
    expect(module.same).toBe(true);
  });

  test.each([
    ["an enumeration", "export enum Color { Red = 'red' }\nexport const value = Color.Red;", "red"],
    ["a namespace", "export namespace Space { export const inner = 1 }\nexport const value = Space.inner;", 1],
    ["import()", "export const value = (await import('modern')).one;", 1],
    ["import.meta", "export const value = import.meta.url.startsWith('file:');", true],
    [
      "a decorator",
      "function named(it: any) { it.known = true }\n@named class It {}\nexport const value = (It as any).known;",
      true,
    ],
    ["a word for what is required", "// They require it.\nexport const value: number = 1;", 1],
  ])("%s is left to Babel, and loaded", async (_, source, value) => {
    expect(asked(source)).toBeUndefined();
    expect((await load(source)).value).toBe(value);
  });

  test.each([
    ["await outside of a function", "export const value: number = await Promise.resolve(1);", 1],
    [
      "a parameter that is a property",
      "class It { constructor(readonly it: number) {} }\nexport const value = new It(1).it;",
      1,
    ],
    [
      "generics, assertions, overloads",
      "function f(a: number): number;\nfunction f<T>(a: T): T { return a as T }\nexport const value = f(<number>1)!;",
      1,
    ],
    ["a text with an import in it", "export const value: string = `\nimport x from 'y';\n`;", "\nimport x from 'y';\n"],
  ])("%s is no matter for Babel", async (_, source, value) => {
    expect(asked(source)).toBeDefined();
    expect((await load(source)).value).toBe(value);
  });

  test("an error names its line in the source", async () => {
    const module = await load(
      "interface Long {\n  a: string;\n}\n\nexport function fail(): never {\n  throw new Error('here');\n}\n",
    );
    try {
      (module.fail as () => never)();
    } catch (error) {
      expect((error as Error).stack).toMatch(/main\.ts:6:/);
    }
    expect.assertions(1);
  });

  test("what does not parse is named", async () => {
    await expect(load("export const = 1;")).rejects.toThrow(/main\.ts could not be loaded: .*Unexpected token/s);
  });
});
