import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type pg from "pg";
import { expect, test } from "vitest";
import { describeSchema, schemaFile } from "../../../scripts/schema.ts";
import { Database } from "../../../src/engine/database.ts";
import { SchemaVersionError } from "../../../src/engine/database-errors.ts";
import { listLanes } from "../../../src/engine/lanes.ts";
import { migrate, presentVersion } from "../../../src/engine/migrate.ts";
import { testDatabase } from "../../setup/database.ts";
import { Events } from "../../setup/events.ts";
import { until } from "../../setup/until.ts";
import { enqueue, short } from "./cast.ts";

const folder = join(import.meta.dirname, "../../../src/engine/migrations");
const migrations = await Promise.all(
  readdirSync(folder)
    .sort()
    .map(async (file) => {
      const [text] = Object.values((await import(pathToFileURL(join(folder, file)).href)) as Record<string, string>);
      return { name: file.replace(/^\d+-|\.ts$/g, ""), text: text ?? "" };
    }),
);

const schemaVersion = migrations.length;

/** A database as the release that knew only the first migrations has left it; 0 for an empty one. */
async function databaseAt(version: number) {
  const place = await testDatabase();
  await place.sql.query("drop schema taskmaster cascade");
  if (version > 0)
    await place.sql.query(
      "create schema taskmaster; create table taskmaster.migration (version int primary key, name text not null, oldest int not null, applied_at timestamptz not null default now())",
    );
  for (const [index, { name, text }] of migrations.slice(0, version).entries()) {
    await place.sql.query(text);
    await place.sql.query("insert into taskmaster.migration values ($1, $2, 1)", [index + 1, name]);
  }
  return place;
}

async function versions(sql: pg.Pool): Promise<number[]> {
  const { rows } = await sql.query<{ version: number }>("select version from taskmaster.migration order by 1");
  return rows.map(({ version }) => version);
}

const all = Array.from({ length: schemaVersion }, (_, index) => index + 1);

test("schema.sql is what the migrations make, and makes the same by itself", async () => {
  const { sql } = await testDatabase();
  const written = readFileSync(schemaFile, "utf8");
  const described = await describeSchema(sql);
  expect(written, "src/engine/schema.sql is stale: run `npx jiti scripts/schema.ts` and commit it").toBe(described);
  await sql.query("drop schema taskmaster cascade");
  await sql.query(written);
  expect(await describeSchema(sql)).toBe(described);
});

test.each([0, ...all])(
  "five processes that find version %i at once migrate it once, to the same schema",
  async (version) => {
    const { url, sql } = await databaseAt(version);
    const events = new Events();
    const processes = Array.from({ length: 5 }, () => new Database({ url }));
    const results = await Promise.all(processes.map((database) => migrate(database)));
    const pending = migrations.slice(version).map(({ name }) => name);
    expect(results.map(({ applied }) => applied).filter((applied) => applied.length > 0)).toEqual(
      pending.length > 0 ? [pending] : [],
    );
    expect(new Set(results.map(({ to }) => to))).toEqual(new Set([schemaVersion]));
    expect(events.of("schema.migrated")).toHaveLength(pending.length > 0 ? 1 : 0);
    expect(await versions(sql)).toEqual(all);
    expect(await describeSchema(sql)).toBe(readFileSync(schemaFile, "utf8"));
    for (const database of processes) {
      expect(await migrate(database)).toEqual({ from: schemaVersion, to: schemaVersion, applied: [] });
      await database.end();
    }
  },
);

test("what was there stays there", async () => {
  const { database, sql } = await databaseAt(1);
  const [lane, ids] = [1, ["1", "2"]];
  await sql.query(
    `insert into taskmaster.lane (queue, task, min_revision, max_revision, priority) values ('default', 'short', 1, 1, 1);
     insert into taskmaster.job (id, lane, run_at, enqueued_at, payload) select n, ${lane}, now(), now(), '{"n":1}' from unnest(array[${ids}]) n;
     select setval('taskmaster.job_block', 1)`,
  );
  await migrate(database);
  ids.push(...(await enqueue(database, short)));
  const { rows } = await sql.query<{ id: string; lane: number }>(
    "select id::text, lane from taskmaster.job order by job.id",
  );
  expect(rows).toEqual(ids.map((id) => ({ id, lane })));
});

test("a newer schema is left alone while it allows it; afterwards the release is told what to do", async () => {
  const { database, sql } = await testDatabase();
  await sql.query("insert into taskmaster.migration values (99, 'future', 1)");
  expect(await migrate(database)).toEqual({ from: 99, to: 99, applied: [] });
  expect(await presentVersion(database)).toBe(99);
  await sql.query("update taskmaster.migration set oldest = 99 where version = 99");
  for (const look of [migrate, presentVersion]) {
    await expect(look(database)).rejects.toThrow(SchemaVersionError);
    await expect(look(database)).rejects.toThrow(
      /is version 99, for which this release of Taskmaster is too old .*npm install taskmaster@latest/,
    );
  }
  expect(await versions(sql)).toEqual([...all, 99]);
});

test("a process that is killed in the middle leaves nothing behind, and the next one migrates", async () => {
  const { url, database, sql } = await databaseAt(0);
  const blocker = await sql.connect();
  await blocker.query("select pg_advisory_lock(1952543859, 1)");
  const killed = new Database({ url });
  const migrating = migrate(killed).catch((error: unknown) => error);
  const pid = await until("the migration waits", async () => {
    const { rows } = await sql.query<{ pid: number }>(
      "select pid from pg_locks join pg_database on pg_database.oid = database where datname = current_database() and locktype = 'advisory' and not granted",
    );
    return rows[0]?.pid;
  });
  await sql.query("select pg_terminate_backend($1)", [pid]);
  expect(await migrating).toMatchObject({ code: "57P01" });
  expect(await presentVersion(database)).toBe(0);
  await blocker.query("select pg_advisory_unlock(1952543859, 1)");
  blocker.release();
  expect(await migrate(killed)).toMatchObject({ from: 0, to: schemaVersion });
  await killed.end();
});

test("without a schema, and with one that lacks the newest tables, the error names the command", async () => {
  for (const version of [0, 1]) {
    const { database, sql } = await databaseAt(version);
    expect(await presentVersion(database)).toBe(version);
    if (version === 1) await sql.query("drop table taskmaster.lane");
    await expect(listLanes(database)).rejects.toThrow(SchemaVersionError);
    await expect(listLanes(database)).rejects.toThrow(/npx taskmaster migrate/);
    await sql.query("drop schema if exists taskmaster cascade");
    await migrate(database);
  }
});
