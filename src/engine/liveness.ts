import type { Database } from "./database.ts";
import { sql, statement } from "./statement.ts";

/**
 * Who lives. Invariants:
 *
 * 1. Only the database's clock judges: a lease is a time that the database wrote.
 * 2. A process that is judged dead stays dead: its heartbeat finds no row any more, so of a late heartbeat and a judgement exactly one wins.
 * 3. A lost session lock is only a sign: it counts when it was seen twice, a grace apart, by the same judge, and only where the
 *    process has been seen since the server started (after a restart nobody has a lock).
 */

// 1952543860 is the class of the session locks that heartbeats hold; the second key is the process's number.
export const takeLivenessLock = statement("liveness_lock", sql`select pg_advisory_lock(1952543860, $1::int)`);

export const heartbeat = statement(
  "liveness_heartbeat",
  sql`
  update taskmaster.process
  set seen_at = now(), lease_until = now() + $2::int * interval '1 ms', session_lock = $3, silent_ms = $4, running = $5
  where id = $1 and died_at is null and stopped_at is null
  returning id
  `,
);

const others = statement(
  "liveness_others",
  sql`
  select id, role = 'worker' as "isWorker", lease_until < now() as lapsed,
    session_lock and seen_at > pg_postmaster_start_time() and pg_try_advisory_xact_lock_shared(1952543860, id) as unlocked
  from taskmaster.process
  where died_at is null and stopped_at is null and id <> $1
  `,
);

export interface OtherProcess {
  readonly id: number;
  readonly isWorker: boolean;
  /** Its lease has ended. */
  readonly lapsed: boolean;
  /** Its heartbeat's session is gone. */
  readonly unlocked: boolean;
}

/** Every other process that should be alive, and the signs that it is not. */
export function listOthers(database: Database, self: number): Promise<OtherProcess[]> {
  return database.query<OtherProcess>(others, [self]);
}

// Looks again, in the statement that judges: a heartbeat may have come in the meantime.
const declare = statement(
  "liveness_declare_dead",
  sql`
  update taskmaster.process
  set died_at = now(), cause = $2
  where id = $1 and died_at is null and stopped_at is null
    and (
      ($2 = 'lease' and lease_until < now())
      or ($2 = 'session' and session_lock and pg_try_advisory_xact_lock_shared(1952543860, id))
    )
  returning id
  `,
);

/** Judges a process dead: by its lease, or by its lost session. Answers whether it was this call that did. */
export async function declareDead(database: Database, process: number, cause: "lease" | "session"): Promise<boolean> {
  const rows = await database.query(declare, [process, cause]);
  return rows.length > 0;
}
