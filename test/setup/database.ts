import pg from "pg";
import { inject, onTestFailed, onTestFinished } from "vitest";
import { Database } from "../../src/engine/database.ts";
import { brokenInvariants } from "./invariants.ts";

/** A migrated database of a test's own. */
export interface TestDatabase {
  readonly url: string;
  /** For the test's own questions. */
  readonly sql: pg.Pool;
  /** For engine verbs. */
  readonly database: Database;
}

let count = 0;

/**
 * Makes a database for the running test. When the test ends, the invariants of the schema are checked, no connection may be left, and the
 * database is dropped; after a failure it stays, and its name is printed.
 */
export async function testDatabase(): Promise<TestDatabase> {
  const server = inject("server");
  const name = `taskmaster_test_${process.pid}_${++count}`;
  const admin = new pg.Client(server);
  await admin.connect();
  await admin.query(`create database ${name} template ${inject("template")}`);

  const url = Object.assign(new URL(server), { pathname: `/${name}` }).href;
  const sql = new pg.Pool({ connectionString: url, max: 3 });
  sql.on("error", () => {});
  const database = new Database({ url });
  let failed = false;
  onTestFailed(() => {
    failed = true;
  });
  onTestFinished(async () => {
    try {
      if (!failed) {
        const broken = await brokenInvariants(sql);
        if (broken.length > 0) throw new Error(`Broken invariants in ${name}:\n${broken.join("\n")}`);
      }
    } finally {
      await database.end();
      await sql.end();
      if (failed) console.error(`The database of the failed test stays: ${url}`);
      else await admin.query(`drop database if exists ${name} with (force)`);
      await admin.end();
    }
  });
  return { url, sql, database };
}
