import { numberArray } from "./arrays.ts";
import type { Database, RunStatement } from "./database.ts";
import type { NewJob } from "./enqueue.ts";
import { sql, statement } from "./statement.ts";

/** Chains as one thing: a chain goes by the number of its first link's job. */

/** A job that is the next link of a chain. */
export interface LinkJob extends NewJob {
  /** The job of the link before. */
  readonly follows: string;
}

const link = statement(
  "chain_link",
  sql`
  insert into taskmaster.chain_link (job_id, chain)
  select id, coalesce((select chain from taskmaster.chain_link where job_id = follows), follows)
  from unnest($1::bigint[], $2::bigint[]) as new (id, follows)
  on conflict (job_id) do nothing
  `,
);

/** Notes which of some new jobs follow which, in the transaction that writes them. Costs nothing where none is a link. */
export async function linkJobs(run: RunStatement, jobs: readonly NewJob[]): Promise<void> {
  const links = jobs.filter((job): job is LinkJob => "follows" in job);
  if (links.length === 0) return;
  await run(link, [numberArray(links.map(({ id }) => id)), numberArray(links.map(({ follows }) => follows))]);
}

const members = statement(
  "chain_members",
  sql`
  with wanted as (
    select coalesce((select chain from taskmaster.chain_link where job_id = $1::bigint), $1::bigint) as chain
  )
  select chain::text as id from wanted
  union all
  select job_id::text from taskmaster.chain_link where chain = (select chain from wanted)
  `,
);

/** The jobs of a chain, the first link's first, by the number of any of them. Only that one, where it is no link. */
export async function jobsOfChain(database: Database, job: string): Promise<string[]> {
  const rows = await database.query<{ id: string }>(members, [job]);
  const [first, ...others] = rows.map(({ id }) => id);
  return first === undefined ? [] : [first, ...others.sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1))];
}
