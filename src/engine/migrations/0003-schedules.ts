import { sql } from "../statement.ts";

/** Cron schedules and their ticks. */
export const schedules = sql`
create table taskmaster.schedule (
  name       text        primary key,
  release    int         not null, -- whose definition this is
  cron       text        not null,
  time_zone  text        not null,
  lane       int         not null,
  task       text        not null,
  payload    json        not null,
  older      json,
  next_at    timestamptz not null,
  last_at    timestamptz,
  defined_at timestamptz not null default now()
);

create table taskmaster.schedule_tick (
  schedule text        not null,
  tick     timestamptz not null,
  job_id   bigint      not null,
  fired_at timestamptz not null default now(),
  primary key (schedule, tick)
);
`;
