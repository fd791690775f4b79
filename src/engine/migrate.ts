import type { Database } from "./database.ts";
import { SchemaVersionError } from "./database-errors.ts";
import { publish } from "./events.ts";
import { sql, statement } from "./statement.ts";

/**
 * Our own tables, migrated without downtime. Invariants:
 *
 * 1. Migrations only ever add (tables, nullable columns, indexes, functions): a release goes on working while a newer one has
 *    migrated, so `oldest` (migrations.ts) rises only with a new major version.
 * 2. Two processes that migrate at once take turns, by an advisory lock that their transaction holds.
 * 3. All pending migrations and their records are one transaction: a process killed in the middle leaves what was there.
 */

/** The schema that this code was written for: the version of the last migration. */
const schemaVersion = 15;

const lock = statement("migrate_lock", sql`select pg_advisory_xact_lock(1952543859, 1)`);

const prepare = sql`
  create schema if not exists taskmaster;
  create table if not exists taskmaster.migration (
    version    int         primary key,
    name       text        not null,
    oldest     int         not null, -- the oldest schema version whose code may still run
    applied_at timestamptz not null default now()
  );
`;

const record = sql`insert into taskmaster.migration (version, name, oldest) values ($1, $2, $3)`;
const isThere = statement("migrate_is_there", sql`select to_regclass('taskmaster.migration') is not null as there`);
const version = statement(
  "migrate_version",
  sql`select coalesce(max(version), 0)::int as version, coalesce(max(oldest), 0)::int as oldest from taskmaster.migration`,
);

export interface MigrationResult {
  readonly from: number;
  readonly to: number;
  readonly applied: readonly string[];
}

/**
 * Brings the database's schema up to this code's. A newer schema is left as it is.
 *
 * @throws {SchemaVersionError} where the schema is so new that this code can no longer use it
 */
export async function migrate(database: Database): Promise<MigrationResult> {
  const present = await presentVersion(database);
  if (present >= schemaVersion) return { from: present, to: present, applied: [] };

  return database.transaction(async (tx) => {
    await tx.run(lock);
    await tx.query(prepare);
    const from = (await tx.run<{ version: number }>(version))[0]?.version ?? 0;
    const { migrations } = await import("./migrations.ts"); // nearly every start finds that nothing is to be done
    const pending = migrations.filter((migration) => migration.version > from);
    for (const migration of pending) {
      await tx.query(migration.text);
      await tx.query(record, [migration.version, migration.name, migration.oldest]);
    }
    if (pending.length > 0) publish({ event: "schema.migrated", from, to: schemaVersion });
    return { from, to: Math.max(from, schemaVersion), applied: pending.map(({ name }) => name) };
  });
}

/** The schema version that is there; 0 where there is none. */
export async function presentVersion(database: Database): Promise<number> {
  const [regclass] = await database.query<{ there: boolean }>(isThere);
  if (!regclass?.there) return 0;
  const [found] = await database.query<{ version: number; oldest: number }>(version);
  const { version: present, oldest } = found ?? { version: 0, oldest: 0 };
  if (oldest > schemaVersion)
    throw new SchemaVersionError(
      `This database's schema is version ${present}, for which this release of Taskmaster is too old (it knows ${schemaVersion}). Update the package: npm install taskmaster@latest.`,
    );
  return present;
}
