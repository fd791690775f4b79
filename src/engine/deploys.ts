import type { Database } from "./database.ts";
import type { Closes } from "./gate.ts";
import { sql, statement } from "./statement.ts";

/**
 * The gate as a deployer holds it (docs/gate.md). Invariants:
 *
 * 1. There is one gate: a second deployer is told who holds it.
 * 2. Each of these statements changes the gate's row only while it has not ended, and says whether it did: a deployer that was away learns that it has lost it.
 * 3. The verdict is one statement over what the processes have acknowledged, and changes the row that they stand behind.
 */
export type DeployState = "closing" | "safe" | "finished" | "aborted" | "blocked" | "lapsed";

export interface Deploy {
  readonly id: number;
  readonly release: string | null;
  readonly onlyShort: boolean;
  readonly closes: Closes;
  readonly state: DeployState;
  readonly reason: string | null;
  readonly openedBy: string;
  readonly host: string;
  readonly pid: number;
  readonly openedAt: Date;
  readonly leaseUntil: Date;
  /** How long the lease still holds, in milliseconds, by the database's clock. */
  readonly leaseMs: number;
  readonly safeAt: Date | null;
  readonly endedAt: Date | null;
}

const findDeploys = statement(
  "deploy_list",
  sql`
  select id, release, only_short as "onlyShort", closes, state, reason, opened_by as "openedBy", host, pid, opened_at as "openedAt",
    lease_until as "leaseUntil", (extract(epoch from lease_until - now()) * 1000)::float8 as "leaseMs", safe_at as "safeAt", ended_at as "endedAt"
  from taskmaster.deploy
  where ($1::int is null or id = $1) and (not $2 or ended_at is null)
  order by id desc
  limit $3
  `,
);

/** The newest deploys first. */
export function listDeploys(database: Database, limit: number): Promise<Deploy[]> {
  return database.query<Deploy>(findDeploys, [null, false, limit]);
}

export async function findDeploy(database: Database, id: number): Promise<Deploy | undefined> {
  const [deploy] = await database.query<Deploy>(findDeploys, [id, false, 1]);
  return deploy;
}

/** The deploy that holds the gate. */
export async function openDeploy(database: Database): Promise<Deploy | undefined> {
  const [deploy] = await database.query<Deploy>(findDeploys, [null, true, 1]);
  return deploy;
}

const close = statement(
  "deploy_close",
  sql`
  with opened as (
    insert into taskmaster.deploy (release, only_short, closes, opened_by, host, pid, lease_until)
    values ($1, $2, case when $2 then 'short' else 'all' end, $3, $4, $5, now() + $6::int * interval '1 ms')
    on conflict ((true)) where ended_at is null do nothing
    returning id
  ), noted as (
    insert into taskmaster.deploy_event (deploy, event, detail)
    select id, 'opened', json_build_object('by', $3::text, 'host', $4::text, 'pid', $5::int) from opened
  )
  select id, pg_notify('taskmaster_gate', '') from opened
  `,
);

export interface CloseRequest {
  /** The release that is being deployed: its workers that start from now on run. */
  readonly release: string | null;
  /** Interruptible tasks may go on starting while short ones drain. */
  readonly onlyShort: boolean;
  readonly openedBy: string;
  readonly host: string;
  readonly pid: number;
  readonly leaseMs: number;
}

/** Closes the gate. Answers with the deploy's number, or undefined where another holds it. */
export async function closeGate(database: Database, request: CloseRequest): Promise<number | undefined> {
  const { release, onlyShort, openedBy, host, pid, leaseMs } = request;
  const [row] = await database.query<{ id: number }>(close, [release, onlyShort, openedBy, host, pid, leaseMs]);
  return row?.id;
}

const renew = statement(
  "deploy_renew",
  sql`
  update taskmaster.deploy set lease_until = now() + $2::int * interval '1 ms', pid = coalesce($3, pid), host = coalesce($4, host)
  where id = $1 and ended_at is null
  returning id
  `,
);

/** Holds the gate for so long from now on; of another program, where that is told. Answers false where the gate has ended. */
export async function renewGate(
  database: Database,
  deploy: number,
  leaseMs: number,
  holder?: { readonly host: string; readonly pid: number },
): Promise<boolean> {
  const rows = await database.query(renew, [deploy, leaseMs, holder?.pid ?? null, holder?.host ?? null]);
  return rows.length > 0;
}

const members = statement(
  "deploy_members",
  sql`
  select gated.process, release.name as release, process.host, process.pid,
    ack.closes as acked, ack.acked_at as "ackedAt", coalesce(ack.handed_back, 0) as "handedBack", coalesce(ack.running, '[]'::json) as running,
    process.died_at is not null as dead, process.silent_ms as "silentMs",
    (extract(epoch from process.lease_until - now()) * 1000)::float8 as "leaseMs"
  from taskmaster.gated
  join taskmaster.process on process.id = gated.process
  join taskmaster.release on release.id = process.release
  join taskmaster.deploy on deploy.id = gated.deploy
  left join taskmaster.deploy_ack as ack on ack.deploy = gated.deploy and ack.process = gated.process
  where gated.deploy = $1 and process.stopped_at is null and (process.died_at is null or process.lease_until > deploy.opened_at)
  order by gated.process
  `,
);

/** A worker behind the gate. */
export interface GateMember {
  readonly process: number;
  readonly release: string;
  readonly host: string;
  readonly pid: number;
  /** What it has acknowledged. */
  readonly acked: Closes | null;
  readonly ackedAt: Date | null;
  readonly handedBack: number;
  /** JSON text of `ReportedAttempt[]`. */
  readonly running: string;
  /** Judged dead. It is gone for good when its lease has ended too: until then it may not know. */
  readonly dead: boolean;
  /** How long its main thread has been silent. */
  readonly silentMs: number;
  readonly leaseMs: number;
}

export function gateMembers(database: Database, deploy: number): Promise<GateMember[]> {
  return database.query<GateMember>(members, [deploy]);
}

// A process that was judged dead and whose lease has ended can neither claim nor start what it has (worker/runner.ts), nor come back as itself.
const judge = statement(
  "deploy_judge",
  sql`
  with gate as materialized (
    select id, closes, opened_at from taskmaster.deploy where id = $1 and ended_at is null
  ), waiting as materialized (
    select gated.process
    from gate
    join taskmaster.gated on gated.deploy = gate.id
    join taskmaster.process on process.id = gated.process
    left join taskmaster.deploy_ack as ack on ack.deploy = gate.id and ack.process = gated.process and ack.closes = gate.closes
    where process.stopped_at is null
      and not (process.died_at is not null and process.lease_until < now())
      and coalesce(ack.short, 1) > 0
  ), judged as (
    update taskmaster.deploy
    set closes = 'all',
      state = case when deploy.closes = 'all' then 'safe' else deploy.state end,
      safe_at = case when deploy.closes = 'all' then coalesce(deploy.safe_at, now()) end
    from gate
    where deploy.id = gate.id and deploy.ended_at is null and deploy.closes = gate.closes and not exists (select from waiting)
    returning deploy.id, deploy.state, gate.closes as closed
  ), noted as (
    insert into taskmaster.deploy_event (deploy, event)
    select id, case when state = 'safe' then 'safe' else 'short tasks drained' end from judged
  )
  select state, case when closed = 'short' then pg_notify('taskmaster_gate', '') end from judged
  `,
);

/**
 * Whether all gated processes have closed and run nothing short. Where only short tasks were closed, the rest is closed next.
 * Once given, the verdict stays until the gate ends: nothing that is gated starts a job any more.
 */
export async function judgeGate(database: Database, deploy: number): Promise<boolean> {
  const [row] = await database.query<{ state: DeployState }>(judge, [deploy]);
  return row?.state === "safe";
}

const end = statement(
  "deploy_end",
  sql`
  with ended as (
    update taskmaster.deploy set state = $2, reason = $3, ended_at = now()
    where id = $1 and ended_at is null
    returning id
  ), noted as (
    insert into taskmaster.deploy_event (deploy, event, detail)
    select id, $2, json_strip_nulls(json_build_object('reason', $3::text)) from ended
  )
  select id, pg_notify('taskmaster_gate', '') from ended
  `,
);

/** Opens the gate. Answers false where it had ended already. */
export async function endGate(
  database: Database,
  deploy: number,
  state: "finished" | "aborted" | "blocked",
  reason: string | null,
): Promise<boolean> {
  const rows = await database.query(end, [deploy, state, reason]);
  return rows.length > 0;
}

const note = statement(
  "deploy_note",
  sql`insert into taskmaster.deploy_event (deploy, event, detail) values ($1, $2, $3)`,
);

/** Writes a line into a deploy's record. */
export async function noteDeploy(
  database: Database,
  deploy: number,
  event: string,
  detail: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  await database.query(note, [deploy, event, JSON.stringify(detail)]);
}

const events = statement(
  "deploy_events",
  sql`
  select at, event, detail from taskmaster.deploy_event where deploy = $1
  union all
  select acked_at, 'acknowledged', json_build_object('process', process, 'handedBack', handed_back) from taskmaster.deploy_ack where deploy = $1
  order by at
  `,
);

export interface DeployEvent {
  readonly at: Date;
  readonly event: string;
  /** JSON text of an object. */
  readonly detail: string;
}

export function deployEvents(database: Database, deploy: number): Promise<DeployEvent[]> {
  return database.query<DeployEvent>(events, [deploy]);
}
