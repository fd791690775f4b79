import fc from "fast-check";
import { expect, test } from "vitest";
import { checkTasks } from "../../../src/check/check.ts";
import { checkedTasks, lockfileOf } from "../../../src/check/checked-task.ts";
import { type Finding, isBreaking } from "../../../src/check/finding.ts";
import { plainText } from "../../../src/check/finding-text.ts";
import { parseLockfile } from "../../../src/check/lockfile.ts";
import { lockfileText } from "../../../src/check/lockfile-text.ts";
import { compareSchemas } from "../../../src/contract/compatibility/compatibility.ts";
import type { JsonSchema } from "../../../src/contract/json-schema.ts";
import { task } from "../../../src/contract/task.ts";
import { judge } from "../compatibility/judge.ts";
import { edits, schemas } from "../compatibility/schemas.ts";

/** A schema of a library that renders it as it stands and validates it by ajv. `zod` by name, so that code is written for it. */
function standard(schema: JsonSchema): never {
  const takes = judge(schema);
  return {
    "~standard": {
      version: 1,
      vendor: "zod",
      validate: (value: unknown) => (takes(value) === false ? { issues: [{ message: "refused" }] } : { value }),
      jsonSchema: { input: () => (typeof schema === "boolean" ? (schema ? {} : { not: {} }) : schema) },
    },
  } as never;
}

function confirm(schema: JsonSchema) {
  return task("user.confirm")
    .payload(standard(schema))
    .short(() => {});
}

async function check(older: JsonSchema, newer: JsonSchema): Promise<readonly Finding[]> {
  const base = lockfileOf(checkedTasks([confirm(older)]), process.cwd());
  const written = parseLockfile(lockfileText(base), "it");
  return (await checkTasks({ tasks: [confirm(newer)], base: written })).findings;
}

test("whatever the change, the check comes to an answer, and never lets through what the comparison does not", {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(edits(schemas()), fc.tuple(schemas(), schemas())), async ([older, newer]) => {
      const found = await check(older, newer);
      for (const finding of found) expect(plainText(finding)).toContain(finding.title);
      const { backward, forward } = compareSchemas(older, newer);
      const holds = backward.verdict === "yes" && forward.verdict === "yes";
      if (!holds) expect(found.some(isBreaking)).toBe(true);
    }),
    { numRuns: 300 },
  );
});
