import { ClaimedJob } from "../engine/claimed-job.ts";
import type { ReadableLane } from "../engine/lanes.ts";
import type { TaskEntry } from "./task-table.ts";

/** What one claim has brought, as long as anything of it is held. */
export class Claim {
  /** The incarnation that claimed. */
  readonly process: number;
  readonly batch: number;
  /** By `performance.now()`. */
  readonly heldSince = performance.now();
  /** How many of its jobs have not been written yet. */
  unwritten: number;
  /** How many jobs had started here from the buffer when its own came into it. */
  startedBefore = 0;

  constructor(process: number, batch: number, jobs: number) {
    this.process = process;
    this.batch = batch;
    this.unwritten = jobs;
  }
}

/** A job that this worker has claimed and not given away yet. */
export class HeldJob extends ClaimedJob {
  readonly claim: Claim;
  readonly from: ReadableLane;
  readonly task: TaskEntry;

  constructor({ brought, place }: ClaimedJob, claim: Claim, from: ReadableLane, task: TaskEntry) {
    super(brought, place);
    this.claim = claim;
    this.from = from;
    this.task = task;
  }

  /** The incarnation that claimed it. */
  get process(): number {
    return this.claim.process;
  }

  /** The same job, for another entry of its task. */
  as(task: TaskEntry): HeldJob {
    return new HeldJob(this, this.claim, this.from, task);
  }
}
