import { onTestFinished } from "vitest";
import type { AnyTask } from "../../../src/contract/task.ts";
import type { Database } from "../../../src/engine/database.ts";
import { ClaimLoop, type ClaimLoopOptions } from "../../../src/worker/claim-loop.ts";
import { Closing } from "../../../src/worker/closing.ts";
import type { HeldJob } from "../../../src/worker/held-job.ts";
import { Scout } from "../../../src/worker/scout.ts";
import { TaskTable } from "../../../src/worker/task-table.ts";

export interface LoopScene {
  readonly database: Database;
  readonly tasks: readonly AnyTask[];
  /** The process that claims. */
  readonly process: number;
  /** Jobs that may be claimed beyond ten free slots. */
  readonly ahead: number;
}

/** A claim loop that runs, and what it has claimed. Of the worker's other parts there is only what it asks them for: there is always room, and nothing runs. */
export function claimLoop({ database, tasks, process, ahead }: LoopScene) {
  const table = new TaskTable(tasks);
  const offered: HeldJob[] = [];
  const loop = new ClaimLoop({
    database,
    tasks: table,
    scout: new Scout(database, table, null),
    runner: {
      ...{ concurrency: 10, freeSlots: 10, buffered: 0, pace: { ahead: () => ahead }, jobs: () => offered },
      offer: (jobs: readonly HeldJob[]) => offered.push(...jobs),
    } as unknown as ClaimLoopOptions["runner"],
    settler: { unsettled: 0, jobs: () => [] } as unknown as ClaimLoopOptions["settler"],
    closing: new Closing(),
    isSure: () => true,
    process: () => process,
    onClaimed: () => {},
  });
  loop.start();
  onTestFinished(() => loop.stop());
  return { loop, offered };
}
