import { sql } from "../statement.ts";

/** Who talks to this database: releases, processes, and what each of them can read. */
export const registry = sql`
create table taskmaster.release (
  id         int generated always as identity primary key, -- in the order in which releases were first seen
  name       text        not null unique,
  source     text        not null, -- explicit, git or contracts
  first_seen timestamptz not null default now()
);

create table taskmaster.contract (
  task        text        not null,
  revision    smallint    not null,
  schema      json        not null,
  vendor      text        not null, -- the schema library that rendered it
  release     int         not null,
  changed_at  timestamptz not null default now(),
  primary key (task, revision)
);

create table taskmaster.process (
  id            int generated always as identity primary key, -- an incarnation, never used again
  role          text        not null check (role in ('worker', 'producer')),
  release       int         not null,
  host          text        not null,
  pid           int         not null,
  version       text        not null, -- of Taskmaster
  queues        text[],               -- null: all
  concurrency   int         not null default 0,
  started_at    timestamptz not null default now(),
  seen_at       timestamptz not null default now(),
  lease_until   timestamptz not null,
  session_lock  boolean     not null default false, -- whether its heartbeat's session holds its advisory lock
  silent_ms     int         not null default 0,     -- how long its main thread had not answered its heartbeat
  running       json        not null default '[]',  -- attempts that it runs, as of its last heartbeat
  stopping_at   timestamptz,
  stopped_at    timestamptz,
  died_at       timestamptz,
  cause         text                                -- of death
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);
create index process_alive on taskmaster.process (id) where stopped_at is null and died_at is null;

create table taskmaster.process_task (
  process     int      not null,
  task        text     not null, -- the name that its jobs carry: the task's own, or a former one
  known_as    text     not null, -- the task's own name
  lo          smallint not null,
  hi          smallint not null,
  reads       boolean  not null, -- has the function
  writes      boolean  not null, -- may enqueue revision hi
  kind        text,              -- short or interruptible, where it reads
  after_crash text,              -- hold or retry, for a short one
  time_limit_ms int,
  primary key (process, task)
);
`;
