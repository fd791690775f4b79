import pg from "pg";
import { clientConfig } from "../engine/client-config.ts";
import { Database, type DatabaseOptions } from "../engine/database.ts";
import { publish } from "../engine/events.ts";
import { lineConfig } from "../engine/line.ts";
import { sql } from "../engine/statement.ts";

export interface OpenedDatabase {
  readonly database: Database;
  /**
   * Whether connections are sessions. Behind a pooler in transaction mode they are not: each statement may run on another server
   * connection, so there is no LISTEN, no session lock and no prepared statement to rely on.
   */
  readonly sessions: boolean;
}

/**
 * Opens a database by two connections, which tell whether connections are sessions, and are kept where they are.
 *
 * @param options.inLine whether statements will be sent in line: else one of the two is closed
 */
export async function openDatabase({
  inLine = false,
  ...options
}: Omit<DatabaseOptions, "sessions"> & { readonly inLine?: boolean }): Promise<OpenedDatabase> {
  const config = clientConfig(options);
  const [one, two] = [new pg.Client(config), new pg.Client(inLine ? lineConfig(config) : config)];
  const spare = new Set([one, two]);
  let database: Database | undefined;
  try {
    const sessions = await areSessions(one, two);
    if (!sessions) publish(degraded);
    database = new Database({ ...options, sessions });
    if (sessions) {
      for (const kept of inLine ? [one, two] : [one]) spare.delete(kept);
      await database.adopt(one, inLine ? two : undefined);
    }
    return { database, sessions };
  } catch (error) {
    await database?.end();
    throw error;
  } finally {
    await Promise.allSettled(Array.from(spare, (client) => client.end()));
  }
}

const degraded = {
  event: "database.degraded",
  missing: "sessions",
  why:
    "This looks like a pooler in transaction mode: workers poll instead of being notified, and a dead worker is noticed by its lease instead of within 3 s. " +
    "Connect workers to Postgres directly, or through a pool in session mode.",
} as const;

/** Connects both. While one is in a transaction, it must not be on the backend that the other had, and the other must stay on it. */
async function areSessions(one: pg.Client, two: pg.Client): Promise<boolean> {
  for (const client of [one, two]) client.on("error", () => {});
  const opened = await Promise.allSettled([one.connect(), two.connect()]);
  for (const connection of opened) if (connection.status === "rejected") throw connection.reason;
  const before = await backend(one);
  await two.query("begin");
  const other = await backend(two);
  const after = await backend(one);
  await two.query("commit");
  return before === after && before !== other;
}

async function backend(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>(sql`select pg_backend_pid() as pid`);
  return rows[0]?.pid ?? 0;
}
