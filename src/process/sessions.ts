import pg from "pg";
import { clientConfig } from "../engine/client-config.ts";
import type { DatabaseOptions } from "../engine/database.ts";
import { publish } from "../engine/events.ts";
import { sql } from "../engine/statement.ts";

/**
 * Whether connections are sessions. Behind a pooler in transaction mode they are not: each statement may run on another server
 * connection, so there is no LISTEN, no session lock and no prepared statement to rely on.
 *
 * Two connections tell: while one is in a transaction, it must not be on the backend that the other had, and the other must stay on it.
 */
export async function hasSessions(connection: DatabaseOptions): Promise<boolean> {
  const [one, two] = [new pg.Client(clientConfig(connection)), new pg.Client(clientConfig(connection))];
  try {
    for (const client of [one, two]) client.on("error", () => {});
    const opened = await Promise.allSettled([one.connect(), two.connect()]);
    for (const connection of opened) if (connection.status === "rejected") throw connection.reason;
    const before = await backend(one);
    await two.query("begin");
    const other = await backend(two);
    const after = await backend(one);
    await two.query("commit");
    if (before === after && before !== other) return true;
  } finally {
    await Promise.allSettled([one.end(), two.end()]);
  }
  publish({
    event: "database.degraded",
    missing: "sessions",
    why:
      "This looks like a pooler in transaction mode: workers poll instead of being notified, and a dead worker is noticed by its lease instead of within 3 s. " +
      "Connect workers to Postgres directly, or through a pool in session mode.",
  });
  return false;
}

async function backend(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>(sql`select pg_backend_pid() as pid`);
  return rows[0]?.pid ?? 0;
}
