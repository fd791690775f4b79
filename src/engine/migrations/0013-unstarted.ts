import { sql } from "../statement.ts";

/** What went back before its attempt began is, for all that a death may mean, as if it had not been delivered. */
export const unstarted = sql`
alter table taskmaster.job add column unstarted int; -- null: none, which takes no room in a row
comment on column taskmaster.job.unstarted is 'How many of its deliveries went back to the queue before an attempt began.';
`;
