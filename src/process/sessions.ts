import pg from "pg";
import { clientConfig, type DatabaseOptions } from "../engine/database.ts";
import { publish } from "../engine/events.ts";

/**
 * Whether connections are sessions. Behind a pooler in transaction mode they are not: each statement may run on another server
 * connection, so there is no LISTEN, no session lock and no prepared statement to rely on.
 */
export async function hasSessions(connection: DatabaseOptions): Promise<boolean> {
  const client = new pg.Client(clientConfig(connection));
  client.on("error", () => {});
  await client.connect();
  try {
    const mark = `probe_${Math.random().toString(36).slice(2)}`;
    const first = await client.query("select pg_backend_pid() as pid, set_config('taskmaster.probe', $1, false)", [
      mark,
    ]);
    for (let round = 0; round < 3; round++) {
      const { rows } = await client.query(
        "select pg_backend_pid() as pid, current_setting('taskmaster.probe', true) as mark",
      );
      if (rows[0].mark !== mark || rows[0].pid !== first.rows[0].pid) {
        publish({
          event: "database.degraded",
          missing: "sessions",
          why: "This looks like a pooler in transaction mode: workers poll instead of being notified, and a dead worker is noticed by its lease (20 s) instead of within 3 s. Connect workers to Postgres directly, or through a session pool.",
        });
        return false;
      }
    }
    return true;
  } finally {
    await client.end().catch(() => {});
  }
}
