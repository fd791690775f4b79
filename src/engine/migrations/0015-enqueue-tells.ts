import { sql } from "../statement.ts";

/** An enqueue in a transaction of the caller's answers whether workers hear of it with the commit: where they do not, the producer tells them a little later. */
export const enqueueTells = sql`
create or replace function taskmaster.enqueue_one(id bigint, lane int, run_at timestamptz, payload text, older text, wake_ups text) returns text
language plpgsql as $function$
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
`;
