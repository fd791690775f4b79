import type { ClaimedJob } from "../engine/claim.ts";
import type { ReadableLane } from "../engine/lanes.ts";
import type { TaskEntry } from "./task-table.ts";

/** A job that this worker has claimed and not given away yet. */
export interface HeldJob extends ClaimedJob {
  /** The incarnation that claimed it. */
  readonly process: number;
  readonly batch: number;
  readonly lane: number;
  readonly from: ReadableLane;
  readonly task: TaskEntry;
  /** When it came, by `performance.now()`. */
  readonly claimedAt: number;
}
