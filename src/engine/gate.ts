import type { Database } from "./database.ts";
import { sql, statement } from "./statement.ts";

/**
 * The gate as a worker sees it (docs/gate.md). Invariants:
 *
 * 1. Closed is the open row in `deploy`. Every claim looks at it in its own statement, so a process that has not heard of it claims nothing either.
 * 2. It opens by an update of that row and by nothing else. Whether its lease has ended is decided by that update, which takes the row's lock:
 *    of a renewal, a verdict and a lapse exactly one wins, and no worker reopens by looking at a clock.
 * 3. A process acknowledges what it has closed only when no claim of it is in flight, and all that it had not started is back in the queue.
 */

/** What may not start: attempts of short tasks, or any. */
export type Closes = "short" | "all";

export interface Gate {
  readonly deploy: number;
  readonly closes: Closes;
  /** Its holder has not been heard of for longer than it said it would be. */
  readonly lapsed: boolean;
}

const gateOf = statement(
  "gate_of_process",
  sql`
  select gated.deploy, gated.closes, deploy.lease_until < now() as lapsed
  from taskmaster.gated
  join taskmaster.deploy on deploy.id = gated.deploy
  where gated.process = $1
  `,
);

/** The gate that a process stands behind. */
export async function findGate(database: Database, process: number): Promise<Gate | undefined> {
  const [gate] = await database.query<Gate>(gateOf, [process]);
  return gate;
}

// Not gated, the process has nothing to say; its acknowledgement of what has reopened meanwhile would be read by nobody.
const acknowledge = statement(
  "gate_acknowledge",
  sql`
  with told as (
    insert into taskmaster.deploy_ack (deploy, process, closes, handed_back, short, running)
    values ($1, $2, $3, $4, $5, $6)
    on conflict (deploy, process) do update
    set closes = excluded.closes, reported_at = now(), handed_back = deploy_ack.handed_back + excluded.handed_back,
      short = excluded.short, running = excluded.running
  )
  select pg_notify('taskmaster_deploy', $1::text)
  `,
);

export interface Acknowledgement {
  readonly deploy: number;
  readonly closes: Closes;
  /** Jobs that were claimed, not started, and are back in the queue. */
  readonly handedBack: number;
  /** Attempts of short tasks that still run. */
  readonly short: number;
  /** All attempts that still run: JSON text of `ReportedAttempt[]`. */
  readonly running: string;
}

/** One running attempt, as its worker tells of it. */
export interface ReportedAttempt {
  readonly job: string;
  readonly task: string;
  readonly kind: "short" | "interruptible";
  readonly since: string;
  readonly limitMs?: number;
  readonly overrun?: true;
}

/** Says that a process has closed, and what it still runs; said again whenever that changes. */
export async function acknowledgeGate(
  database: Database,
  process: number,
  { deploy, closes, handedBack, short, running }: Acknowledgement,
): Promise<void> {
  await database.query(acknowledge, [deploy, process, closes, handedBack, short, running]);
}

const lapse = statement(
  "gate_lapse",
  sql`
  with lapsed as (
    update taskmaster.deploy
    set state = 'lapsed', ended_at = now(), reason = format('%s:%s was not heard of any more while the gate was %s', host, pid, state)
    where ended_at is null and lease_until < now()
    returning id
  ), noted as (
    insert into taskmaster.deploy_event (deploy, event) select id, 'lapsed' from lapsed
  )
  select id, pg_notify('taskmaster_gate', '') from lapsed
  `,
);

/** Ends a gate whose lease has ended. Answers whether it was this call that did. */
export async function lapseGate(database: Database): Promise<boolean> {
  const rows = await database.query(lapse);
  return rows.length > 0;
}
