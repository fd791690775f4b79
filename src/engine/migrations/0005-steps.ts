import { sql } from "../statement.ts";

/** What interruptible attempts have behind them. */
export const steps = sql`
create table taskmaster.checkpoint (
  job_id   bigint      not null,
  name     text        not null,
  kind     text        not null, -- step, once, begun, each, sleep, wait, event
  seq      int         not null, -- counts the writes under this name; a later one never gives way to an earlier one
  delivery int         not null, -- whose attempt wrote it
  revision smallint,             -- of the value's schema, where it has one
  at       timestamptz not null default now(),
  value    json,                 -- null where there is none
  older    json,                 -- older renditions of the value, by revision
  primary key (job_id, name)
) with (
  fillfactor = 80, -- a cursor is written again and again, on its page
  autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_cost_delay = 1
);
comment on table taskmaster.checkpoint is
  'What attempts have done for good: results of steps, cursors of iterations, sleeps. Goes when its job succeeds.';

create table taskmaster.event (
  id       bigint      generated always as identity primary key,
  call     uuid        not null unique, -- of the call that made it, which may be repeated after a lost connection
  name     text        not null,
  at       timestamptz not null default clock_timestamp(),
  revision smallint,             -- of the payload's schema, where it has one
  payload  json        not null,
  older    json                  -- older renditions of the payload, by revision
);
create index event_line on taskmaster.event (name, id);
create index event_at on taskmaster.event (at);
comment on table taskmaster.event is
  'What jobs wait for, as it happened. Kept for a while, because a job may come to wait for what has happened already.';

create table taskmaster.event_wait (
  job_id bigint not null,
  event  text   not null,
  primary key (event, job_id)
);
create index event_wait_job on taskmaster.event_wait (job_id);
comment on table taskmaster.event_wait is 'Which jobs to wake when an event happens.';
`;
