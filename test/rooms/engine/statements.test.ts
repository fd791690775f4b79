import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { allStatements, statement } from "../../../src/engine/statement.ts";
import { testDatabase } from "../../setup/database.ts";

const root = join(import.meta.dirname, "../../../src");

/** Every file that makes statements. */
const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter(
  (file) => /\.tsx?$/.test(file) && /\bstatement\(\s*"/.test(readFileSync(join(root, file), "utf8")),
);

test("every statement prepares against the migrated schema, under a name of its own", async () => {
  for (const file of files) await import(/* @vite-ignore */ pathToFileURL(join(root, file)).href);
  const statements = allStatements();
  const written = files.flatMap((file) => [
    ...readFileSync(join(root, file), "utf8").matchAll(/\bstatement\(\s*"([^"]+)"/g),
  ]);
  expect(statements.map(({ name }) => name).sort()).toEqual(written.map(([, name]) => `taskmaster_${name}`).sort());

  const { sql } = await testDatabase();
  const client = await sql.connect();
  try {
    const refused: string[] = [];
    for (const { name, text } of statements) {
      const most = Math.max(0, ...[...text.matchAll(/\$(\d+)/g)].map(([, number]) => Number(number)));
      await client
        .query(`prepare ${name} as ${text}`)
        .catch((error: Error) => refused.push(`${name}: ${error.message}`));
      const { rows } = await client.query(
        "select coalesce(array_length(parameter_types, 1), 0) as count from pg_prepared_statements where name = $1",
        [name],
      );
      // A parameter that no type follows from is an error; one that is skipped ($1, $3) is too.
      if (rows[0]?.count !== most) refused.push(`${name} has ${rows[0]?.count} parameters and mentions $${most}`);
    }
    expect(refused).toEqual([]);
  } finally {
    client.release();
  }
});

test("two statements of one name are an error of ours", () => {
  statement("test_twice", "select 1");
  expect(() => statement("test_twice", "select 2")).toThrow("Two SQL statements are named test_twice.");
});
