import { sql } from "../statement.ts";

/** Of claims of a backlog: which part of the line they have gone through, so that nobody goes through it again. */
export const stretches = sql`
alter table taskmaster.claim
  add column lane int, -- null: of several lanes, or not of a backlog
  add column from_run_at timestamptz,
  add column from_id bigint,
  add column to_run_at timestamptz,
  add column to_id bigint;
create index claim_stretch on taskmaster.claim (lane, to_run_at, to_id) where lane is not null;
`;
