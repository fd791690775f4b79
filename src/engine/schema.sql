-- What all migrations together make. Written by scripts/schema.ts: read it here, change it by a migration.
create schema taskmaster;

create sequence taskmaster.job_block as bigint;

create table taskmaster.chain_link (
  job_id bigint not null,
  chain  bigint not null,
  at     timestamp with time zone not null default now(),
  PRIMARY KEY (job_id)
);
CREATE INDEX chain_link_chain ON taskmaster.chain_link USING btree (chain);
comment on table taskmaster.chain_link is 'The jobs of each chain behind its first one: written with them. A job that is no link of a chain has nothing here.';

create table taskmaster.checkpoint (
  job_id   bigint not null,
  name     text not null,
  kind     text not null,
  seq      integer not null,
  delivery integer not null,
  revision smallint,
  at       timestamp with time zone not null default now(),
  value    json,
  older    json,
  PRIMARY KEY (job_id, name)
) with (
  fillfactor=80,
  autovacuum_vacuum_scale_factor=0.02,
  autovacuum_vacuum_threshold=5000,
  autovacuum_vacuum_cost_delay=1
);
comment on table taskmaster.checkpoint is 'What attempts have done for good: results of steps, cursors of iterations, sleeps. Goes when its job succeeds.';

create table taskmaster.claim (
  worker      integer not null,
  batch       integer not null,
  jobs        bigint[] not null,
  claimed_at  timestamp with time zone not null default now(),
  lane        integer,
  from_run_at timestamp with time zone,
  from_id     bigint,
  to_run_at   timestamp with time zone,
  to_id       bigint,
  PRIMARY KEY (worker, batch)
) with (
  autovacuum_vacuum_scale_factor=0,
  autovacuum_vacuum_threshold=1000,
  autovacuum_vacuum_cost_delay=1
);
alter table taskmaster.claim alter column jobs set storage external;
CREATE INDEX claim_stretch ON taskmaster.claim USING btree (lane, to_run_at, to_id) WHERE (lane IS NOT NULL);
comment on table taskmaster.claim is 'Which jobs a process has claimed, a row a batch, until all of the batch have ended: how the jobs of a dead process are found.';

create table taskmaster.contract (
  task       text not null,
  revision   smallint not null,
  schema     json not null,
  vendor     text not null,
  release    integer not null,
  changed_at timestamp with time zone not null default now(),
  PRIMARY KEY (task, revision)
);

create table taskmaster.deploy (
  id          integer generated always as identity,
  release     text,
  only_short  boolean not null,
  closes      text not null,
  state       text not null default 'closing'::text,
  reason      text,
  opened_by   text not null,
  host        text not null,
  pid         integer not null,
  opened_at   timestamp with time zone not null default now(),
  lease_until timestamp with time zone not null,
  safe_at     timestamp with time zone,
  ended_at    timestamp with time zone,
  PRIMARY KEY (id),
  CHECK (((ended_at IS NULL) = (state = ANY (ARRAY['closing'::text, 'safe'::text])))),
  CHECK ((closes = ANY (ARRAY['short'::text, 'all'::text]))),
  CHECK ((state = ANY (ARRAY['closing'::text, 'safe'::text, 'finished'::text, 'aborted'::text, 'blocked'::text, 'lapsed'::text])))
);
CREATE UNIQUE INDEX deploy_open ON taskmaster.deploy USING btree ((true)) WHERE (ended_at IS NULL);
comment on table taskmaster.deploy is 'A row a deploy. While it has no end, the gate is closed: every claim looks at it.';

create table taskmaster.deploy_ack (
  deploy      integer not null,
  process     integer not null,
  closes      text not null,
  acked_at    timestamp with time zone not null default now(),
  reported_at timestamp with time zone not null default now(),
  handed_back integer not null default 0,
  interrupted integer not null default 0,
  short       integer not null,
  running     json not null,
  PRIMARY KEY (deploy, process)
);
comment on table taskmaster.deploy_ack is 'What each gated process has said: its claims are closed, nothing is in flight, what it had not started is handed back.';

create table taskmaster.deploy_event (
  deploy integer not null,
  at     timestamp with time zone not null default clock_timestamp(),
  event  text not null,
  detail json not null default '{}'::json
);
CREATE INDEX deploy_event_of ON taskmaster.deploy_event USING btree (deploy, at);

create table taskmaster.event (
  id       bigint generated always as identity,
  call     uuid not null,
  name     text not null,
  at       timestamp with time zone not null default clock_timestamp(),
  revision smallint,
  payload  json not null,
  older    json,
  PRIMARY KEY (id),
  UNIQUE (call)
);
CREATE INDEX event_at ON taskmaster.event USING btree (at);
CREATE INDEX event_line ON taskmaster.event USING btree (name, id);
comment on table taskmaster.event is 'What jobs wait for, as it happened. Kept for a while, because a job may come to wait for what has happened already.';

create table taskmaster.event_wait (
  job_id bigint not null,
  event  text not null,
  PRIMARY KEY (event, job_id)
);
CREATE INDEX event_wait_job ON taskmaster.event_wait USING btree (job_id);
comment on table taskmaster.event_wait is 'Which jobs to wake when an event happens.';

create table taskmaster.failure (
  job_id   bigint not null,
  delivery integer not null,
  at       timestamp with time zone not null default now(),
  process  integer,
  kind     text not null,
  name     text not null,
  message  text not null,
  stack    text,
  PRIMARY KEY (job_id, delivery, kind)
);
CREATE INDEX failure_at ON taskmaster.failure USING btree (at);

create table taskmaster.interruption (
  task    text not null,
  times   bigint not null,
  last_at timestamp with time zone not null,
  PRIMARY KEY (task)
);
comment on table taskmaster.interruption is 'How often attempts of each task were interrupted: an interruptible task that never was has not proven that it may be.';

create table taskmaster.job (
  id            bigint not null,
  run_at        timestamp with time zone not null default now(),
  enqueued_at   timestamp with time zone not null default now(),
  started_at    timestamp with time zone,
  lane          integer not null,
  worker        integer,
  deliveries    integer not null default 0,
  failures      smallint not null default 0,
  crashes       smallint not null default 0,
  interruptions smallint not null default 0,
  keyed         boolean not null default false,
  payload       json not null,
  older         json,
  unstarted     integer,
  PRIMARY KEY (id)
) with (
  fillfactor=50,
  autovacuum_vacuum_scale_factor=0.01,
  autovacuum_vacuum_threshold=5000,
  autovacuum_vacuum_insert_scale_factor=0.05,
  autovacuum_analyze_scale_factor=0.05,
  autovacuum_vacuum_cost_delay=1
);
CREATE INDEX job_line ON taskmaster.job USING btree (lane, run_at, id) WHERE (lane > 0);
comment on table taskmaster.job is 'Jobs that wait, are scheduled, retry or run. Whatever has ended stands elsewhere.';

create table taskmaster.lane (
  id           integer generated always as identity,
  queue        text not null,
  task         text not null,
  min_revision smallint not null,
  max_revision smallint not null,
  priority     smallint not null,
  created_at   timestamp with time zone not null default now(),
  PRIMARY KEY (id),
  CHECK ((min_revision <= max_revision)),
  UNIQUE (queue, task, min_revision, max_revision, priority)
);
comment on table taskmaster.lane is 'The distinct (queue, task, renditions, priority) of jobs. A job points at its lane, so that a claim compares integers.';

create table taskmaster.migration (
  version    integer not null,
  name       text not null,
  oldest     integer not null,
  applied_at timestamp with time zone not null default now(),
  PRIMARY KEY (version)
);

create table taskmaster.parked (
  id            bigint not null,
  state         text not null,
  reason        text not null,
  detail        text not null default ''::text,
  parked_at     timestamp with time zone not null default now(),
  process       integer,
  lane          integer not null,
  run_at        timestamp with time zone not null,
  enqueued_at   timestamp with time zone not null,
  deliveries    integer not null,
  failures      smallint not null,
  crashes       smallint not null,
  interruptions smallint not null,
  key           text,
  payload       json not null,
  older         json,
  PRIMARY KEY (id),
  CHECK ((state = ANY (ARRAY['failed'::text, 'held'::text, 'cancelled'::text])))
);
CREATE INDEX parked_by_state ON taskmaster.parked USING btree (state, parked_at);
comment on table taskmaster.parked is 'Jobs that failed, are held for a person, or were cancelled. No code deletes them unless a person asks.';

create table taskmaster.process (
  id           integer generated always as identity,
  role         text not null,
  release      integer not null,
  host         text not null,
  pid          integer not null,
  version      text not null,
  queues       text[],
  concurrency  integer not null default 0,
  started_at   timestamp with time zone not null default now(),
  seen_at      timestamp with time zone not null default now(),
  lease_until  timestamp with time zone not null,
  session_lock boolean not null default false,
  silent_ms    integer not null default 0,
  running      json not null default '[]'::json,
  stopping_at  timestamp with time zone,
  stopped_at   timestamp with time zone,
  died_at      timestamp with time zone,
  cause        text,
  PRIMARY KEY (id),
  CHECK ((role = ANY (ARRAY['worker'::text, 'producer'::text])))
) with (
  fillfactor=50,
  autovacuum_vacuum_scale_factor=0,
  autovacuum_vacuum_threshold=200
);
CREATE INDEX process_alive ON taskmaster.process USING btree (id) WHERE ((stopped_at IS NULL) AND (died_at IS NULL));

create table taskmaster.process_task (
  process       integer not null,
  task          text not null,
  known_as      text not null,
  lo            smallint not null,
  hi            smallint not null,
  reads         boolean not null,
  writes        boolean not null,
  kind          text,
  after_crash   text,
  time_limit_ms integer,
  PRIMARY KEY (process, task)
);

create table taskmaster.release (
  id         integer generated always as identity,
  name       text not null,
  source     text not null,
  first_seen timestamp with time zone not null default now(),
  PRIMARY KEY (id),
  UNIQUE (name)
);

create table taskmaster.schedule (
  name       text not null,
  release    integer not null,
  cron       text not null,
  time_zone  text not null,
  lane       integer not null,
  task       text not null,
  payload    json not null,
  older      json,
  next_at    timestamp with time zone not null,
  last_at    timestamp with time zone,
  defined_at timestamp with time zone not null default now(),
  PRIMARY KEY (name)
);

create table taskmaster.schedule_tick (
  schedule text not null,
  tick     timestamp with time zone not null,
  job_id   bigint not null,
  fired_at timestamp with time zone not null default now(),
  PRIMARY KEY (schedule, tick)
);

create table taskmaster.stray_enqueue (
  task    text not null,
  child   text not null,
  times   bigint not null,
  last_at timestamp with time zone not null,
  PRIMARY KEY (task, child)
);
comment on table taskmaster.stray_enqueue is 'Interruptible tasks that were seen to enqueue another task directly, and not through their context.';

create table taskmaster.succeeded (
  settled_at timestamp with time zone not null default now(),
  process    integer not null,
  jobs       bigint[] not null,
  lanes      integer[] not null,
  failures   smallint[] not null,
  waited_ms  integer[] not null,
  ran_ms     integer[] not null
);
alter table taskmaster.succeeded alter column jobs set storage external;
alter table taskmaster.succeeded alter column lanes set storage external;
alter table taskmaster.succeeded alter column failures set storage external;
alter table taskmaster.succeeded alter column waited_ms set storage external;
alter table taskmaster.succeeded alter column ran_ms set storage external;
CREATE INDEX succeeded_at ON taskmaster.succeeded USING brin (settled_at) WITH (pages_per_range='16');
comment on table taskmaster.succeeded is 'What succeeded: one row for all that a process settled together.';

create table taskmaster.unique_key (
  task   text not null,
  key    text not null,
  job_id bigint not null,
  PRIMARY KEY (task, key)
);
CREATE INDEX unique_key_job ON taskmaster.unique_key USING btree (job_id);

create view taskmaster.deploy_window as
 SELECT id AS deploy,
    opened_at,
    ended_at,
    LEAST(now(), COALESCE(ended_at, now()) + '01:00:00'::interval, ( SELECT min(next.opened_at) AS min
           FROM taskmaster.deploy next
          WHERE next.id > deploy.id)) AS until
   FROM taskmaster.deploy;
comment on view taskmaster.deploy_window is 'From the closing of a deploy''s gate until an hour after its opening, or until the next deploy: what a release breaks shows when the workers run again.';

create view taskmaster.gated as
 SELECT deploy.id AS deploy,
    deploy.closes,
    process.id AS process
   FROM taskmaster.deploy
     JOIN taskmaster.process ON process.role = 'worker'::text
     JOIN taskmaster.release ON release.id = process.release
  WHERE deploy.ended_at IS NULL AND NOT (NOT release.name IS DISTINCT FROM deploy.release AND process.started_at > deploy.opened_at) AND (EXISTS ( SELECT
           FROM taskmaster.process old
          WHERE old.release = process.release AND old.role = 'worker'::text AND old.started_at <= deploy.opened_at AND COALESCE(old.stopped_at, old.died_at, 'infinity'::timestamp with time zone) >= deploy.opened_at));

create view taskmaster.live_process as
 SELECT id,
    role,
    release,
    host,
    pid,
    queues,
    concurrency,
    started_at,
    stopping_at
   FROM taskmaster.process
  WHERE died_at IS NULL AND stopped_at IS NULL AND lease_until > now();
comment on view taskmaster.live_process is 'Processes that have neither signed off nor been judged dead, and whose lease has not run out. Those that are stopping are among them.';

CREATE OR REPLACE FUNCTION taskmaster.enqueue_one(id bigint, lane integer, run_at timestamp with time zone, payload text, older text, wake_ups text)
 RETURNS text
 LANGUAGE plpgsql
AS $function$
begin
  insert into taskmaster.job (id, lane, run_at, enqueued_at, payload, older)
  values ($1, $2, greatest($3, clock_timestamp()), clock_timestamp(), $4::json, $5::json);
  if $6 is not null and pg_try_advisory_xact_lock(1952543859, 2) then
    perform pg_notify('taskmaster_job', $6);
    return 'told';
  end if;
  return null;
end
$function$;
comment on function taskmaster.enqueue_one is 'Writes a job and tells workers of it with the commit, and says so; not where another transaction is about to.';
