import { sql } from "../statement.ts";

/** Which jobs are links of one chain. */
export const chains = sql`
create table taskmaster.chain_link (
  job_id bigint      primary key,
  chain  bigint      not null, -- the number of the first link's job, which has no row of its own
  at     timestamptz not null default now()
);
create index chain_link_chain on taskmaster.chain_link (chain);
comment on table taskmaster.chain_link is
  'The jobs of each chain behind its first one: written with them. A job that is no link of a chain has nothing here.';
`;
