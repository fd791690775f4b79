import { withLinks } from "../contract/chain.ts";
import type { AnyRunnableTask } from "../contract/task.ts";
import type { Database } from "../engine/database.ts";
import type { SeenList } from "./seen-list.ts";
import { SteppingWorker } from "./stepping-worker.ts";
import { type Kill, type TracedEffect, TrackedRun } from "./tracked-run.ts";

/** What runs the attempts of a proof: in this process, or in one that is really killed. It runs no more once it was killed. */
export interface Hand {
  /** Claims the first job of the task and runs one attempt of it. */
  attempt(request: AttemptRequest): Promise<HandAttempt>;
  /** Of one that was not killed. */
  stop(): Promise<void>;
}

export interface AttemptRequest {
  readonly kill: Kill | undefined;
  /** How many effects of each kind the attempts before it have had. */
  readonly counts: readonly (readonly [string, number])[];
}

export interface HandAttempt {
  /** Which was claimed; undefined where there was none. */
  readonly job: string | undefined;
  /** Its task, or link of a chain; empty where there was none. */
  readonly task: string;
  readonly effects: readonly TracedEffect[];
  readonly counts: readonly (readonly [string, number])[];
  readonly killed: boolean;
  readonly lists: readonly SeenList[];
}

/** Kills an attempt without ending the process: it never settles, loses its connections, and does nothing more. */
export async function handHere(database: Database, task: AnyRunnableTask, release: string): Promise<Hand> {
  const worker = await SteppingWorker.start(database, withLinks([task]), release);
  return {
    async attempt({ kill, counts }) {
      const held = await worker.claim();
      if (held === undefined) return { job: undefined, task: "", effects: [], counts, killed: false, lists: [] };
      const counted = new Map(counts);
      const run = new TrackedRun(kill, counted);
      const outcome = await worker.attempt(held, run);
      if (outcome === undefined) await worker.die();
      const { effects, lists } = run;
      return {
        job: held.id,
        task: held.task.contract.name,
        effects,
        counts: [...counted],
        killed: outcome === undefined,
        lists,
      };
    },
    stop: () => worker.stop(),
  };
}
