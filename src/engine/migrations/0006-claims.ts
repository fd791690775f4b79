import { sql } from "../statement.ts";

/** Job numbers do not compress, and trying to cost a twentieth of all that a job costs the database. */
export const claims = sql`
alter table taskmaster.claim alter column jobs set storage external;
`;
