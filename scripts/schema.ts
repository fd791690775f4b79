// Writes src/engine/schema.sql: what all migrations together make, so that a change of the schema shows as a diff of it.
//   npx jiti scripts/schema.ts [postgres://… of a server where a database may be made; default: an embedded one]
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { openEmbedded } from "../src/embedded/embedded.ts";
import { Database } from "../src/engine/database.ts";
import { migrate } from "../src/engine/migrate.ts";

export const schemaFile = fileURLToPath(new URL("../src/engine/schema.sql", import.meta.url));

/** Each table with its columns, constraints and settings, then its indexes; from the catalogs, so that every Postgres says the same. */
const tables = `
select table_.relname as name, table_.reloptions as options, obj_description(table_.oid) as comment,
  (
    select json_agg(json_build_array(
      attname, format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid), attidentity,
      case when attstorage <> typstorage then attstorage end
    ) order by attnum)
    from pg_attribute join pg_type on pg_type.oid = atttypid left join pg_attrdef on adrelid = attrelid and adnum = attnum
    where attrelid = table_.oid and attnum > 0 and not attisdropped
  ) as columns,
  array(
    select pg_get_constraintdef(oid) from pg_constraint
    where conrelid = table_.oid and contype in ('p', 'u', 'c', 'f', 'x') order by contype <> 'p', conname
  ) as constraints,
  array(
    select pg_get_indexdef(indexrelid) from pg_index
    where indrelid = table_.oid and not exists (select from pg_constraint where conindid = indexrelid)
    order by indexrelid::regclass::text
  ) as indexes
from pg_class as table_
where relnamespace = 'taskmaster'::regnamespace and relkind = 'r'
order by relname
`;

const sequences = `
select sequencename as name, data_type::text as type from pg_sequences
where schemaname = 'taskmaster' and not exists (
  select from pg_depend where objid = format('taskmaster.%I', sequencename)::regclass and deptype = 'i'
)
order by 1
`;

const views = `
select relname as name, pg_get_viewdef(oid, true) as text, obj_description(oid) as comment
from pg_class where relnamespace = 'taskmaster'::regnamespace and relkind = 'v'
order by relname
`;

const functions = `
select proname as name, pg_get_functiondef(oid) as text, obj_description(oid) as comment
from pg_proc where pronamespace = 'taskmaster'::regnamespace
order by proname
`;

/** A view or a function. */
interface Definition {
  readonly name: string;
  readonly text: string;
  readonly comment: string | null;
}

interface Table {
  readonly name: string;
  readonly options: readonly string[] | null;
  readonly comment: string | null;
  readonly columns: readonly (readonly [string, string, boolean, string | null, string, string | null])[];
  readonly constraints: readonly string[];
  readonly indexes: readonly string[];
}

/** The schema of a migrated database, as SQL for people. */
export async function describeSchema(client: pg.Client | pg.Pool): Promise<string> {
  const found = await client.query<Table>(tables);
  const counters = await client.query<{ name: string; type: string }>(sequences);
  const windows = await client.query<Definition>(views);
  const routines = await client.query<Definition>(functions);
  return [
    "-- What all migrations together make. Written by scripts/schema.ts: read it here, change it by a migration.\ncreate schema taskmaster;",
    ...counters.rows.map(({ name, type }) => `create sequence taskmaster.${name} as ${type};`),
    ...found.rows.map(describeTable),
    ...windows.rows.map(describeView),
    ...routines.rows.map(describeFunction),
  ]
    .join("\n\n")
    .concat("\n");
}

function describeView({ name, text, comment }: Definition): string {
  return [
    `create view taskmaster.${name} as\n${text}`,
    ...(comment === null ? [] : [`comment on view taskmaster.${name} is ${pg.escapeLiteral(comment)};`]),
  ].join("\n");
}

function describeFunction({ name, text, comment }: Definition): string {
  return [
    `${text.trimEnd()};`,
    ...(comment === null ? [] : [`comment on function taskmaster.${name} is ${pg.escapeLiteral(comment)};`]),
  ].join("\n");
}

function describeTable({ name, options, comment, columns, constraints, indexes }: Table): string {
  const width = Math.max(...columns.map(([column]) => column.length));
  const lines = columns.map(([column, type, required, value, identity]) =>
    [
      column.padEnd(width),
      type,
      identity === "a" ? "generated always as identity" : required ? "not null" : "",
      value === null ? "" : `default ${value}`,
    ]
      .filter((part) => part !== "")
      .join(" "),
  );
  const body = [...lines, ...constraints].map((line) => `  ${line}`).join(",\n");
  const settings = options === null ? "" : ` with (\n${options.map((option) => `  ${option}`).join(",\n")}\n)`;
  return [
    `create table taskmaster.${name} (\n${body}\n)${settings};`,
    ...columns
      .filter(([, , , , , storage]) => storage === "e")
      .map(([column]) => `alter table taskmaster.${name} alter column ${column} set storage external;`),
    ...indexes.map((index) => `${index};`),
    ...(comment === null ? [] : [`comment on table taskmaster.${name} is ${pg.escapeLiteral(comment)};`]),
  ].join("\n");
}

/** Migrates a database made for it, and describes it. */
async function main(server: string | undefined): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "taskmaster-schema-"));
  const embedded = server === undefined ? await openEmbedded({ folder }) : undefined;
  const url = new URL(server ?? embedded?.url ?? "");
  const name = `taskmaster_schema_${process.pid}`;
  const admin = new pg.Client(url.href);
  await admin.connect();
  try {
    await admin.query(`create database ${name}`);
    const database = new Database({ url: Object.assign(new URL(url), { pathname: `/${name}` }).href });
    await migrate(database);
    const client = new pg.Client(database.url);
    await client.connect();
    writeFileSync(schemaFile, await describeSchema(client));
    await client.end();
    await database.end();
  } finally {
    await admin.query(`drop database if exists ${name} with (force)`);
    await admin.end();
    await embedded?.leave();
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv[2]);
