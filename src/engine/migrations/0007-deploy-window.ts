import { sql } from "../statement.ts";

/** When what went wrong is put down to a deploy. */
export const deployWindow = sql`
create view taskmaster.deploy_window as
select id as deploy, opened_at, ended_at,
  least(
    now(),
    coalesce(ended_at, now()) + interval '1 hour',
    (select min(next.opened_at) from taskmaster.deploy as next where next.id > deploy.id)
  ) as until
from taskmaster.deploy;
comment on view taskmaster.deploy_window is
  'From the closing of a deploy''s gate until an hour after its opening, or until the next deploy: what a release breaks shows when the workers run again.';
`;
