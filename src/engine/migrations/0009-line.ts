import { sql } from "../statement.ts";

/**
 * Every lane is above 0, and only who says so may use the line: a statement that finds jobs by their numbers cannot be planned as a walk
 * through all of it, which looks cheap to a planner whose statistics were made while the queue was short.
 */
export const line = sql`
drop index taskmaster.job_line;
create index job_line on taskmaster.job (lane, run_at, id) where lane > 0;
comment on index taskmaster.job_line is 'Where jobs wait. A statement that wants it says lane > 0.';
`;
