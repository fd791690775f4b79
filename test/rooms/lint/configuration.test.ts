import { readFileSync } from "node:fs";
import { ESLint } from "eslint";
import { expect, test } from "vitest";
import { Project } from "../../setup/command-line.ts";

const [, documented = ""] = /```js\n([\s\S]*?)```/.exec(readFileSync("docs/lint.md", "utf8")) ?? [];
const unawaited = `export const t = task("t").payload(schema).interruptible(async (payload, ctx) => { ctx.step("a", f); });`;

test.each([
  ["as it is documented", documented],
  ["by the plugin's name", documented.replace("import taskmaster", "import { taskmaster }")],
])("ESLint takes the configuration %s, from the built package", async (_, configuration) => {
  const { folder } = new Project("", { "eslint.config.js": configuration });
  const [result] = await new ESLint({ cwd: folder }).lintText(unawaited, { filePath: "tasks.js" });
  expect(result?.messages.map(({ ruleId }) => ruleId)).toEqual(["taskmaster/await-step"]);
});
