import { sql } from "../statement.ts";

/** The gate, and the record of every deploy. */
export const gate = sql`
create table taskmaster.deploy (
  id          int generated always as identity primary key,
  release     text,                          -- the release that is being deployed, where it was named
  only_short  boolean     not null,          -- whether interruptible tasks may go on starting while short ones drain
  closes      text        not null check (closes in ('short', 'all')), -- what may not start at present
  state       text        not null default 'closing' check (state in ('closing', 'safe', 'finished', 'aborted', 'blocked', 'lapsed')),
  reason      text,                          -- why it ended as it did
  opened_by   text        not null,
  host        text        not null,
  pid         int         not null,
  opened_at   timestamptz not null default now(),
  lease_until timestamptz not null,
  safe_at     timestamptz,
  ended_at    timestamptz,
  check ((ended_at is null) = (state in ('closing', 'safe')))
);
-- One gate at a time, and the only row that a claim looks at.
create unique index deploy_open on taskmaster.deploy ((true)) where ended_at is null;
comment on table taskmaster.deploy is 'A row a deploy. While it has no end, the gate is closed: every claim looks at it.';

create table taskmaster.deploy_ack (
  deploy      int         not null,
  process     int         not null,
  closes      text        not null,          -- what the process has closed
  acked_at    timestamptz not null default now(),
  reported_at timestamptz not null default now(),
  handed_back int         not null default 0, -- jobs that it had claimed and not started
  interrupted int         not null default 0, -- attempts that were interrupted while the gate was closed: their worker was stopped
  short       int         not null,          -- attempts of short tasks that still run: the blockers
  running     json        not null,          -- the attempts that still run
  primary key (deploy, process)
);
comment on table taskmaster.deploy_ack is
  'What each gated process has said: its claims are closed, nothing is in flight, what it had not started is handed back.';

create table taskmaster.deploy_event (
  deploy int         not null,
  at     timestamptz not null default clock_timestamp(),
  event  text        not null,
  detail json        not null default '{}'
);
create index deploy_event_of on taskmaster.deploy_event (deploy, at);

create table taskmaster.interruption (
  task    text        primary key,
  times   bigint      not null,
  last_at timestamptz not null
);
comment on table taskmaster.interruption is
  'How often attempts of each task were interrupted: an interruptible task that never was has not proven that it may be.';

create table taskmaster.stray_enqueue (
  task    text        not null,
  child   text        not null,
  times   bigint      not null, -- processes that have seen it
  last_at timestamptz not null,
  primary key (task, child)
);
comment on table taskmaster.stray_enqueue is
  'Interruptible tasks that were seen to enqueue another task directly, and not through their context.';

-- Who may not start jobs: workers of the releases that were live when the gate closed, also those that start later;
-- but not the workers of the release being deployed that start behind the closing.
create view taskmaster.gated as
select deploy.id as deploy, deploy.closes, process.id as process
from taskmaster.deploy
join taskmaster.process on process.role = 'worker'
join taskmaster.release on release.id = process.release
where deploy.ended_at is null
  and not (release.name is not distinct from deploy.release and process.started_at > deploy.opened_at)
  and exists (
    select from taskmaster.process as old
    where old.release = process.release and old.role = 'worker' and old.started_at <= deploy.opened_at
      and coalesce(old.stopped_at, old.died_at, 'infinity') >= deploy.opened_at
  );
`;
