import { sql } from "../statement.ts";

/**
 * What an enqueue in a transaction of the caller's runs. There nothing can be prepared: the connection is not ours, and it may be behind a pooler.
 * The server keeps the plans of a function for each connection; planning the insert anew took a fifth of its time.
 *
 * Releases call it while they differ: another signature needs another name.
 */
export const enqueueWithin = sql`
create function taskmaster.enqueue_one(id bigint, lane int, run_at timestamptz, payload text, older text, wake_ups text) returns text
language plpgsql as $function$
begin
  insert into taskmaster.job (id, lane, run_at, enqueued_at, payload, older)
  values ($1, $2, greatest($3, clock_timestamp()), clock_timestamp(), $4::json, $5::json);
  if $6 is not null and pg_try_advisory_xact_lock(1952543859, 2) then
    perform pg_notify('taskmaster_job', $6);
  end if;
  return null; -- not void, because not every library can read nothing
end
$function$;
comment on function taskmaster.enqueue_one is 'Writes a job and tells workers of it with the commit, unless another transaction is about to: their polling finds it then.';
`;
