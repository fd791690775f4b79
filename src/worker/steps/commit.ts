import { TaskmasterError } from "../../contract/error.ts";
import { completeJobs, wasCompleted } from "../../engine/complete.ts";
import type { Database } from "../../engine/database.ts";
import { isTransient } from "../../engine/database-errors.ts";
import type { NewJob } from "../../engine/enqueue.ts";
import { toSuccess } from "../settler.ts";
import { lose } from "./attempt-host.ts";
import type { Child, ChildJobs } from "./child-jobs.ts";
import type { Records } from "./records.ts";
import type { OpenTransaction } from "./transaction-step.ts";

/** Thrown where something is to begin after `ctx.commit`, or where `ctx.enqueue` or `ctx.commit` stands where a rerun would miss it. */
export class CompletionError extends TaskmasterError {
  readonly code = "TASKMASTER_COMPLETION";
}

/** What completes an attempt beside its function. */
export interface CommitParts {
  readonly records: Records;
  readonly children: readonly Child[];
  readonly childJobs: ChildJobs;
  readonly database: Database;
  readonly startedAt: number;
}

/**
 * The task's own writes, its children and its completion in one transaction: the completion is the last statement, and fenced. Where the
 * commit's reply is lost, the database is asked what became of it.
 */
export async function commit(
  { records, children, childJobs, database, startedAt }: CommitParts,
  open: OpenTransaction,
  run: (tx: never) => unknown,
): Promise<void> {
  const { host } = records;
  records.assertGoingOn();
  let written: readonly NewJob[] = [];
  const ranMs = () => performance.now() - startedAt;
  try {
    await open(async (tx, runSql) => {
      await run(tx as never);
      const jobs = await childJobs.prepare(children);
      written = jobs;
      const completion = { ...toSuccess(host.job, { ranMs: ranMs(), recorded: true }), children: jobs };
      const settled = await completeJobs(runSql, host.job.process, [completion]);
      if (!settled.has(host.job.id)) throw lose(host, "its completion");
    });
  } catch (error) {
    if (!isTransient(error) || !(await wasCompleted(database, host.job))) throw error;
  }
  host.decide(
    { end: "committed", ranMs: ranMs(), children: written },
    new CompletionError(
      `Job ${host.job.id} has been completed by ctx.commit: nothing more of it can begin. Make it the last call.`,
    ),
  );
}
