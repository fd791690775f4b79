import type pg from "pg";
import type { DemoFleet, Queue } from "./fleet.ts";

/** What became of the jobs of one release and revision, counted in the database after everything has ended. */
export interface Figures {
  readonly release: string;
  readonly revision: number;
  readonly enqueued: number;
  readonly run: number;
  /** Of those that ran: by a worker of the other release. */
  readonly runByOther: number;
  readonly retried: number;
  readonly failed: number;
  readonly held: number;
  /** Acknowledged, and nowhere to be found. */
  readonly lost: number;
  readonly longestWaitMs: number;
}

interface Fate {
  readonly job: string;
  readonly state: "waiting" | "failed" | "held" | "done";
  readonly retried: boolean;
}

/** Where each job stands in the queue's own tables. */
const fates: Record<Queue, string> = {
  taskmaster: `
    select id::text as job, 'waiting' as state, failures > 0 as retried from taskmaster.job
    union all select id::text, state, failures > 1 from taskmaster.parked
    union all select done.id::text, 'done', done.failures > 0 from taskmaster.succeeded, unnest(jobs, failures) as done (id, failures)`,
  plain: "select id::text as job, state, attempts > 1 and (error is not null) as retried from plain_job",
};

export async function figures(sql: pg.Pool, fleet: DemoFleet): Promise<Figures[]> {
  const { rows: standing } = await sql.query<Fate>(fates[fleet.queue]);
  const { rows: mails } = await sql.query<{ job: string; release: string; at: Date }>(
    "select job, release, at from mail where queue = $1",
    [fleet.queue],
  );
  const fateOf = new Map(standing.map((fate) => [fate.job, fate]));
  const mailOf = new Map(mails.map((mail) => [mail.job, mail]));
  return [
    { release: "N", revision: 1 },
    { release: "N+1", revision: 2 },
  ].map(({ release, revision }) => {
    const jobs = fleet.acknowledged.filter((each) => each.revision === revision);
    const count = (fits: (job: string) => boolean) => jobs.filter(({ job }) => fits(job)).length;
    const waits = jobs.map(({ job, dueAt }) => (mailOf.get(job)?.at.getTime() ?? dueAt) - dueAt);
    return {
      release,
      revision,
      enqueued: jobs.length,
      run: count((job) => mailOf.has(job)),
      runByOther: count((job) => mailOf.has(job) && mailOf.get(job)?.release !== release),
      retried: count((job) => fateOf.get(job)?.retried === true),
      failed: count((job) => fateOf.get(job)?.state === "failed"),
      held: count((job) => fateOf.get(job)?.state === "held"),
      lost: count((job) => !mailOf.has(job) && !["failed", "held"].includes(fateOf.get(job)?.state ?? "")),
      longestWaitMs: Math.max(0, ...waits),
    };
  });
}

/** How many jobs are waiting, running or will be tried again. */
export const left: Record<Queue, string> = {
  taskmaster: "select count(*)::int as left from taskmaster.job",
  plain: "select count(*)::int as left from plain_job where state = 'waiting'",
};
