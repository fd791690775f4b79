import { sql } from "../statement.ts";

/** Who is at work, as far as the database can know: everything that asks which releases are live asks this. */
export const liveProcess = sql`
create view taskmaster.live_process as
select id, role, release, host, pid, queues, concurrency, started_at, stopping_at
from taskmaster.process
where died_at is null and stopped_at is null and lease_until > now();
comment on view taskmaster.live_process is
  'Processes that have neither signed off nor been judged dead, and whose lease has not run out. Those that are stopping are among them.';
`;
