import { sql } from "../statement.ts";

/** The queue: one narrow hot table, and beside it all that is written seldom. */
export const queue = sql`
create table taskmaster.lane (
  id           int generated always as identity primary key,
  queue        text     not null,
  task         text     not null,
  min_revision smallint not null, -- the oldest rendition that its jobs carry
  max_revision smallint not null, -- their producer's own revision
  priority     smallint not null, -- 0 high, 1 normal, 2 low
  created_at   timestamptz not null default now(),
  unique (queue, task, min_revision, max_revision, priority),
  check (min_revision <= max_revision)
);
comment on table taskmaster.lane is
  'The distinct (queue, task, renditions, priority) of jobs. A job points at its lane, so that a claim compares integers.';

-- Producers take whole blocks of job numbers, so that they know a job's number before it is written
-- and can write it again, once, after a lost connection.
create sequence taskmaster.job_block as bigint;

create table taskmaster.job (
  id            bigint      primary key,
  run_at        timestamptz not null,
  enqueued_at   timestamptz not null,
  started_at    timestamptz,          -- when its present attempt was known to start
  lane          int         not null,
  worker        int,                  -- the process that has claimed it
  deliveries    int         not null default 0, -- the fence: how often it was claimed; never decremented
  failures      smallint    not null default 0, -- how often its code threw
  crashes       smallint    not null default 0, -- how often its process died
  interruptions smallint    not null default 0, -- how often it was interrupted or handed back while it ran
  keyed         boolean     not null default false, -- whether it holds a row of unique_key
  payload       json        not null, -- at the lane's max_revision, as its producer wrote it
  older         json                  -- older renditions, by revision
) with (
  fillfactor = 50, -- a claim updates all rows of a page together: half of it stays free, so that they stay on it and no index changes
  autovacuum_vacuum_scale_factor = 0.01,
  autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_insert_scale_factor = 0.05,
  autovacuum_analyze_scale_factor = 0.05,
  autovacuum_vacuum_cost_delay = 1
);
comment on table taskmaster.job is 'Jobs that wait, are scheduled, retry or run. Whatever has ended stands elsewhere.';

-- All rows, claimed ones too: a claim then changes no indexed column and stays on its page. A worker steps over the few
-- claimed rows at a lane's head by remembering how far it has come.
create index job_line on taskmaster.job (lane, run_at, id);

create table taskmaster.claim (
  worker     int         not null,
  batch      int         not null,
  jobs       bigint[]    not null,
  claimed_at timestamptz not null default now(),
  primary key (worker, batch)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 1);
comment on table taskmaster.claim is
  'Which jobs a process has claimed, a row a batch, until all of the batch have ended: how the jobs of a dead process are found.';

create table taskmaster.unique_key (
  task   text   not null,
  key    text   not null,
  job_id bigint not null,
  primary key (task, key)
);
create index unique_key_job on taskmaster.unique_key (job_id);

create table taskmaster.parked (
  id            bigint      primary key,
  state         text        not null check (state in ('failed', 'held', 'cancelled')),
  reason        text        not null,
  detail        text        not null default '',
  parked_at     timestamptz not null default now(),
  process       int,
  lane          int         not null,
  run_at        timestamptz not null,
  enqueued_at   timestamptz not null,
  deliveries    int         not null,
  failures      smallint    not null,
  crashes       smallint    not null,
  interruptions smallint    not null,
  key           text,
  payload       json        not null,
  older         json
);
create index parked_by_state on taskmaster.parked (state, parked_at);
comment on table taskmaster.parked is 'Jobs that failed, are held for a person, or were cancelled. No code deletes them unless a person asks.';

create table taskmaster.failure (
  job_id   bigint      not null,
  delivery int         not null,
  at       timestamptz not null default now(),
  process  int,
  kind     text        not null, -- error, overrun, crash
  name     text        not null,
  message  text        not null,
  stack    text,
  primary key (job_id, delivery, kind)
);
create index failure_at on taskmaster.failure (at);

create table taskmaster.succeeded (
  settled_at timestamptz not null default now(),
  process    int         not null,
  jobs       bigint[]    not null,
  lanes      int[]       not null,
  failures   smallint[]  not null,
  waited_ms  int[]       not null, -- from when it was due to its first start of this delivery
  ran_ms     int[]       not null
);
-- Packed for one purpose, read seldom: compressing them would cost more than the settlement itself.
alter table taskmaster.succeeded
  alter column jobs set storage external,
  alter column lanes set storage external,
  alter column failures set storage external,
  alter column waited_ms set storage external,
  alter column ran_ms set storage external;
create index succeeded_at on taskmaster.succeeded using brin (settled_at) with (pages_per_range = 16);
comment on table taskmaster.succeeded is 'What succeeded: one row for all that a process settled together.';
`;
