import { numberArray, textArray } from "./arrays.ts";
import type { Database, RunStatement } from "./database.ts";
import { sql, statement } from "./statement.ts";

/**
 * What attempts have done for good. Invariants:
 *
 * 1. Only the attempt that holds the job writes: every write looks at (job, process, delivery) and locks the job's row, so that it is
 *    committed before the job is claimed again, or not at all.
 * 2. Under one name a later write replaces an earlier one, never the other way round: repeating a write after a lost reply is harmless.
 * 3. The checkpoints of a job stay until it succeeds, whatever becomes of it before.
 */
export type CheckpointKind =
  /** The result of a step. */
  | "step"
  /** The result of a step that may run once. */
  | "once"
  /** A step that may run once has begun. */
  | "begun"
  /** How far an iteration has come. */
  | "each"
  /** Until when a job sleeps. */
  | "sleep"
  /** What a job waits for, and until when. */
  | "wait"
  /** What a job has waited for. */
  | "event";

export interface Checkpoint {
  readonly name: string;
  readonly kind: CheckpointKind;
  /** Counts the writes under this name: 1, 2, 3 … */
  readonly seq: number;
  /** Of the value's schema; null where it has none. */
  readonly revision: number | null;
  /** JSON text; null where there is no value. */
  readonly value: string | null;
  /** JSON text of an object of older renditions by revision, where there are any. */
  readonly older: string | null;
}

/** Which attempt writes. */
export interface Holder {
  readonly id: string;
  readonly process: number;
  readonly delivery: number;
}

export interface HeldCheckpoint extends Checkpoint {
  readonly holder: Holder;
}

// A value travels as an array of none or one, because of a JSON array's elements none can be absent.
const record = statement(
  "checkpoint_record",
  sql`
  with given as materialized (
    select *
    from rows from (
      unnest($2::bigint[]), unnest($3::int[]), unnest($4::text[]), unnest($5::text[]), unnest($6::int[]), unnest($7::smallint[]),
      json_array_elements($8)
    ) as given (id, delivery, name, kind, seq, revision, wrapped)
  ), held as materialized (
    select id, deliveries from taskmaster.job
    where id = any($2::bigint[]) and worker = $1
      and case when (id, deliveries) in (select id, delivery from given) then true end
    order by id
    for share
  ), written as (
    insert into taskmaster.checkpoint as present (job_id, name, kind, seq, delivery, revision, value, older)
    select id, name, kind, seq, delivery, nullif(revision, 0), wrapped -> 'value' -> 0, wrapped -> 'older' -> 0
    from given
    where case when (id, delivery) in (select id, deliveries from held) then true end
    on conflict (job_id, name) do update
    set kind = excluded.kind, seq = excluded.seq, delivery = excluded.delivery, revision = excluded.revision, at = now(),
      value = excluded.value, older = excluded.older
    where present.seq < excluded.seq
  )
  select id, deliveries as delivery from held
  `,
);

/** Writes checkpoints of attempts of one process. Answers with the attempts that still held their jobs; of the others nothing was written. */
export async function recordCheckpoints(
  database: Database,
  process: number,
  checkpoints: readonly HeldCheckpoint[],
): Promise<{ id: string; delivery: number }[]> {
  return database.query(record, [
    process,
    numberArray(checkpoints.map(({ holder }) => holder.id)),
    numberArray(checkpoints.map(({ holder }) => holder.delivery)),
    textArray(checkpoints.map(({ name }) => name)),
    textArray(checkpoints.map(({ kind }) => kind)),
    numberArray(checkpoints.map(({ seq }) => seq)),
    numberArray(checkpoints.map(({ revision }) => revision ?? 0)),
    `[${checkpoints.map(({ value, older }) => `{"value":[${value ?? ""}],"older":[${older ?? ""}]}`).join(",")}]`,
  ]);
}

const recordNext = statement(
  "checkpoint_record_next",
  sql`
  with held as materialized (
    select id from taskmaster.job where id = $2::bigint and worker = $1 and deliveries = $3::int for share
  ), written as (
    insert into taskmaster.checkpoint as present (job_id, name, kind, seq, delivery, revision, value, older)
    select id, $4::text, $5::text, $6::int, $3::int, $7::smallint, $8::json, $9::json from held
    on conflict (job_id, name) do update
    set kind = excluded.kind, seq = excluded.seq, delivery = excluded.delivery, revision = excluded.revision, at = now(),
      value = excluded.value, older = excluded.older
    where present.seq = excluded.seq - 1
    returning job_id
  )
  select exists (select from held) as held, exists (select from written) as written
  `,
);

/**
 * Writes a checkpoint inside a transaction whose effects belong to it.
 *
 * - `"written"`: commit.
 * - `"taken"`: an earlier transaction with the same effects was committed after all; roll back.
 * - `"lost"`: the job is another attempt's; roll back.
 */
export async function recordNextCheckpoint(
  run: RunStatement,
  { holder, name, kind, seq, revision, value, older }: HeldCheckpoint,
): Promise<"written" | "taken" | "lost"> {
  const [outcome] = await run<{ held: boolean; written: boolean }>(recordNext, [
    holder.process,
    holder.id,
    holder.delivery,
    name,
    kind,
    seq,
    revision,
    value,
    older,
  ]);
  if (!outcome?.held) return "lost";
  return outcome.written ? "written" : "taken";
}

const load = statement(
  "checkpoint_load",
  sql`
  select name, kind, seq, revision, value, older,
    case when kind in ('sleep', 'wait') then coalesce((value ->> 'until')::timestamptz <= clock_timestamp(), false) else true end as due
  from taskmaster.checkpoint where job_id = $1::bigint
  `,
);

export interface FoundCheckpoint extends Checkpoint {
  /** Of a sleep or a wait: whether its time had come when it was looked up. */
  readonly due: boolean;
}

/** What a job's earlier attempts have done. */
export async function loadCheckpoints(database: Database, job: string): Promise<Map<string, FoundCheckpoint>> {
  const rows = await database.query<FoundCheckpoint>(load, [job]);
  return new Map(rows.map((row) => [row.name, row]));
}
