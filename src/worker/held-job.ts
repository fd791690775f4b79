import type { ClaimedJob } from "../engine/claim.ts";
import type { ReadableLane } from "../engine/lanes.ts";
import type { TaskEntry } from "./task-table.ts";

/** A job that this worker has claimed and not given away yet. */
export interface HeldJob extends ClaimedJob {
  /** The incarnation that claimed it. */
  readonly process: number;
  readonly batch: number;
  readonly from: ReadableLane;
  readonly task: TaskEntry;
  /** By `performance.now()`. */
  readonly heldSince: number;
}

/** Written out, because spreading a row is several times slower, and this is done for every job. */
export function holdJob(row: ClaimedJob, process: number, batch: number, from: ReadableLane, task: TaskEntry): HeldJob {
  return {
    id: row.id,
    lane: row.lane,
    delivery: row.delivery,
    failures: row.failures,
    crashes: row.crashes,
    interruptions: row.interruptions,
    keyed: row.keyed,
    started: row.started,
    runAt: row.runAt,
    enqueuedAt: row.enqueuedAt,
    waitedMs: row.waitedMs,
    payload: row.payload,
    older: row.older,
    process,
    batch,
    from,
    task,
    heldSince: performance.now(),
  };
}
