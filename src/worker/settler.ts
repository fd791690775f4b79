import { completeJobs } from "../engine/complete.ts";
import { type Database, retrying } from "../engine/database.ts";
import { isTransient } from "../engine/database-errors.ts";
import type { KeyedJob, NewJob } from "../engine/enqueue.ts";
import { isHeard, publish } from "../engine/events.ts";
import { releaseJobs } from "../engine/release.ts";
import { type FailureRecord, parkJobs, retryJobs, type Success, succeedJobs } from "../engine/settle.ts";
import { suspendJob, type Wake } from "../engine/suspend.ts";
import type { HeldJob } from "./held-job.ts";

/**
 * Ends attempts in the database, in batches: at once when nothing is on its way, else together with all that ended meanwhile.
 * Invariants:
 *
 * 1. An outcome is written under the incarnation that claimed the job, never under a later one.
 * 2. An outcome is tried until the database answers; fencing makes the repetition harmless.
 * 3. A claim's row is removed only after the last of its jobs has been written.
 */
export type Outcome =
  /** `recorded`: there are checkpoints of it. `children` are written with it. */
  | {
      readonly end: "succeeded";
      readonly ranMs: number;
      readonly recorded?: boolean;
      readonly children?: readonly (NewJob | KeyedJob)[];
    }
  /** Its own transaction has settled it. */
  | { readonly end: "committed"; readonly ranMs: number; readonly lanes: readonly number[] }
  | { readonly end: "retry"; readonly waitMs: number; readonly failure: FailureRecord }
  | {
      readonly end: "parked";
      readonly state: "failed" | "held";
      readonly reason: string;
      readonly detail: string;
      readonly failure?: FailureRecord;
    }
  | { readonly end: "released"; readonly interrupted: boolean }
  /** Sleeps, or waits for an event. */
  | { readonly end: "suspended"; readonly wakes: readonly Wake[] };

interface Ended {
  readonly job: HeldJob;
  readonly outcome: Outcome;
}

const batchLimit = 1_000;

export interface SettlerOptions {
  readonly database: Database;
  /** Jobs that went back to the queue. */
  readonly onReleased: (lanes: readonly number[]) => void;
  /** Outcomes were written; there is room again. */
  readonly onSettled: () => void;
}

export class Settler {
  readonly #options: SettlerOptions;
  readonly #waiting: Ended[] = [];
  /** How many jobs of each claim have not been written yet. */
  readonly #open = new Map<string, number>();
  #inFlight: readonly Ended[] = [];
  #running: Promise<void> | undefined;
  #added = 0;
  #written = 0;
  #tellWritten: (() => void)[] = [];
  readonly #stop = new AbortController();

  constructor(options: SettlerOptions) {
    this.#options = options;
  }

  /** Jobs that have been claimed together. */
  opened(process: number, batch: number, jobs: number): void {
    if (jobs > 0) this.#open.set(`${process} ${batch}`, jobs);
  }

  /** Attempts that ended and are not written yet. */
  get unsettled(): number {
    return this.#waiting.length + this.#inFlight.length;
  }

  /** Whether a job's outcome is still to be written. */
  has(id: string): boolean {
    return this.#waiting.some(({ job }) => job.id === id) || this.#inFlight.some(({ job }) => job.id === id);
  }

  add(job: HeldJob, outcome: Outcome): void {
    this.#added++;
    this.#waiting.push({ job, outcome });
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // what ends in the same turn of the event loop goes together
    while (this.#waiting.length > 0 && !this.#stop.signal.aborted) {
      this.#inFlight = this.#waiting.splice(0, batchLimit);
      for (const process of new Set(this.#inFlight.map(({ job }) => job.process))) {
        const ended = this.#inFlight.filter(({ job }) => job.process === process);
        await this.#writeAll(process, ended, this.#close(process, ended));
      }
      this.#written += this.#inFlight.length;
      this.#inFlight = [];
      this.#options.onSettled();
      for (const tell of this.#tellWritten.splice(0)) tell();
    }
  }

  /** Writes outcomes together, or one by one where the database refuses one of them, so that it stops no other. */
  async #writeAll(process: number, ended: readonly Ended[], batches: readonly number[]): Promise<void> {
    try {
      await this.#write(process, ended, batches);
    } catch (error) {
      if (this.#stop.signal.aborted) return; // cut short by a hasty stop: whoever rescues this process's jobs decides
      for (const one of ended)
        await this.#write(process, [one], []).catch(() => {
          publish({
            event: "job.lost",
            job: one.job.id,
            task: one.job.task.contract.name,
            during: `${one.outcome.end}: ${String(error)}`,
          });
        });
    }
  }

  async #write(process: number, ended: readonly Ended[], batches: readonly number[]): Promise<void> {
    const { database } = this.#options;
    const succeeded = select(ended, "succeeded");
    const successes = succeeded
      .filter(({ outcome }) => !outcome.children)
      .map(({ job, outcome }) => toSuccess(job, outcome));
    const completions = succeeded.flatMap(({ job, outcome }) =>
      outcome.children ? [{ ...toSuccess(job, outcome), children: outcome.children }] : [],
    );
    const retries = select(ended, "retry").map(({ job, outcome }) => ({
      id: job.id,
      delivery: job.delivery,
      waitMs: Math.round(outcome.waitMs),
      failure: outcome.failure,
    }));
    const parks = select(ended, "parked").map(({ job, outcome }) => ({
      id: job.id,
      delivery: job.delivery,
      ...outcome,
    }));
    const releases = select(ended, "released").map(({ job, outcome }) => ({
      id: job.id,
      delivery: job.delivery,
      interrupted: outcome.interrupted,
    }));

    const suspensions = select(ended, "suspended");

    const kept = new Set<string>();
    let repeated = false;
    const write = async (work: () => Promise<Iterable<string>>) => {
      const ids = await retrying(
        () =>
          work().catch((error: unknown) => {
            repeated ||= isTransient(error);
            throw error;
          }),
        { during: "settling", signal: this.#stop.signal },
      );
      for (const id of ids) kept.add(id);
    };
    if (retries.length > 0) await write(() => retryJobs(database, process, retries));
    if (parks.length > 0) await write(() => parkJobs(database, process, parks));
    for (const { job, outcome } of select(ended, "committed")) {
      kept.add(job.id);
      this.#options.onReleased(outcome.lanes);
    }
    if (completions.length > 0) {
      await write(() => database.transaction(({ run }) => completeJobs(run, process, completions)));
      this.#options.onReleased([...new Set(completions.flatMap(({ children }) => children.map(({ lane }) => lane)))]);
    }
    for (const { job, outcome } of suspensions)
      await write(async () => {
        const back = await suspendJob(database, job, outcome.wakes);
        this.#options.onReleased(back.map(({ lane }) => lane));
        return back.map(({ id }) => id);
      });
    if (releases.length > 0) {
      const lanes = new Set<number>();
      await write(async () => {
        const back = await releaseJobs(database, process, releases);
        for (const { lane } of back) lanes.add(lane);
        return back.map(({ id }) => id);
      });
      if (lanes.size > 0) this.#options.onReleased([...lanes]);
    }
    if (successes.length > 0 || batches.length > 0)
      await write(() => succeedJobs(database, process, successes, batches));
    for (const { job, outcome } of ended) {
      const isKept = kept.has(job.id) || repeated;
      if (!isKept || isHeard()) tell(job, outcome, isKept);
    }
  }

  /** Counts jobs off their claims. Answers with the claims that are now empty. */
  #close(process: number, ended: readonly Ended[]): number[] {
    const empty: number[] = [];
    for (const { job } of ended) {
      const key = `${process} ${job.batch}`;
      const left = (this.#open.get(key) ?? 1) - 1;
      if (left > 0) this.#open.set(key, left);
      else {
        this.#open.delete(key);
        empty.push(job.batch);
      }
    }
    return empty;
  }

  /** Resolves when all is written that has ended until now; what ends meanwhile may follow. */
  async caughtUp(): Promise<void> {
    for (const upTo = this.#added; this.#written < upTo && !this.#stop.signal.aborted; )
      await new Promise<void>((resolve) => this.#tellWritten.push(resolve));
  }

  /** Resolves when all is written. */
  async settled(): Promise<void> {
    while (this.#running) await this.#running;
  }

  /** Gives up on what the database does not take. */
  abandon(): void {
    this.#stop.abort();
    for (const tell of this.#tellWritten.splice(0)) tell();
  }
}

/** What a settlement needs to know of a job that succeeded. */
export function toSuccess(
  job: HeldJob,
  { ranMs, recorded }: { readonly ranMs: number; readonly recorded?: boolean },
): Success {
  return {
    id: job.id,
    delivery: job.delivery,
    lane: job.lane,
    failures: job.failures,
    keyed: job.keyed,
    waitedMs: job.waitedMs,
    ranMs: Math.round(ranMs),
    recorded: recorded === true || job.delivery > 1, // an earlier attempt may have recorded something
  };
}

function select<End extends Outcome["end"]>(
  ended: readonly Ended[],
  end: End,
): { job: HeldJob; outcome: Extract<Outcome, { end: End }> }[] {
  return ended.filter(({ outcome }) => outcome.end === end) as never;
}

function tell(job: HeldJob, outcome: Outcome, kept: boolean): void {
  const task = job.task.contract.name;
  if (!kept) {
    publish({ event: "job.lost", job: job.id, task, during: outcome.end });
    return;
  }
  if (outcome.end === "succeeded" || outcome.end === "committed")
    publish({ event: "job.succeeded", job: job.id, task, ranMs: outcome.ranMs, waitedMs: job.waitedMs });
  else if (outcome.end === "retry")
    publish({ event: "job.retrying", job: job.id, task, error: outcome.failure, inMs: outcome.waitMs });
  else if (outcome.end === "released" && outcome.interrupted) publish({ event: "job.interrupted", job: job.id, task });
  else if (outcome.end === "suspended")
    publish({ event: "job.suspended", job: job.id, task, names: outcome.wakes.map(({ name }) => name) });
  else if (outcome.end === "released") publish({ event: "job.handed-back", jobs: [job.id] });
  else if (outcome.state === "failed") publish({ event: "job.failed", job: job.id, task, error: outcome.failure });
  else publish({ event: "job.held", job: job.id, task, reason: outcome.reason, detail: outcome.detail });
}
