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
  | { readonly end: "committed"; readonly ranMs: number; readonly children: readonly (NewJob | KeyedJob)[] }
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
  /** Jobs that went back to the queue, where they stood. */
  readonly onReleased: (lanes: readonly number[]) => void;
  /** Jobs that were written with an outcome. */
  readonly onEnqueued: (jobs: readonly NewJob[]) => void;
  /** A job of a lane that this worker reads will be due again, in so many milliseconds. */
  readonly onPutOff: (inMs: number) => void;
  /** Outcomes were written; there is room again. */
  readonly onSettled: () => void;
}

export class Settler {
  readonly #options: SettlerOptions;
  readonly #waiting: Ended[] = [];
  #inFlight: readonly Ended[] = [];
  #running: Promise<void> | undefined;
  #added = 0;
  #written = 0;
  #tellWritten: (() => void)[] = [];
  readonly #stop = new AbortController();

  constructor(options: SettlerOptions) {
    this.#options = options;
  }

  /** Attempts that ended and are not written yet. */
  get unsettled(): number {
    return this.#waiting.length + this.#inFlight.length;
  }

  /** Whose outcome is still to be written. */
  jobs(): HeldJob[] {
    return [...this.#waiting, ...this.#inFlight].map(({ job }) => job);
  }

  add(job: HeldJob, outcome: Outcome): void {
    this.#added++;
    this.#waiting.push({ job, outcome });
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // what ends in the same turn of the event loop goes together
    while (this.#waiting.length > 0 && !this.#stop.signal.aborted) {
      this.#inFlight = this.#waiting.splice(0, batchLimit);
      for (const [process, ended] of byProcess(this.#inFlight)) await this.#writeAll(process, ended, countOff(ended));
      this.#written += this.#inFlight.length;
      this.#inFlight = [];
      this.#options.onSettled();
      for (const tell of this.#tellWritten.splice(0)) tell();
    }
    this.#running = undefined; // in the same turn as the last look: what ends later begins anew
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
    const successes: Success[] = [];
    const others: Ended[] = [];
    for (const one of ended) {
      const { job, outcome } = one;
      if (outcome.end === "succeeded" && outcome.children === undefined) successes.push(toSuccess(job, outcome));
      else others.push(one);
    }
    const lost = new Set<string>();
    let repeated = false;
    const until = <T>(work: () => Promise<T>): Promise<T> =>
      retrying(
        () =>
          work().catch((error: unknown) => {
            repeated ||= isTransient(error);
            throw error;
          }),
        { during: "settling", signal: this.#stop.signal },
      );
    if (others.length > 0) await this.#writeOthers(process, others, until, lost);
    if (successes.length > 0 || batches.length > 0)
      for (const id of await until(() => succeedJobs(database, process, successes, batches))) lost.add(id);
    if (lost.size === 0 && !isHeard()) return;
    for (const { job, outcome } of ended) {
      const isKept = repeated || !lost.has(job.id);
      if (!isKept || isHeard()) tell(job, outcome, isKept);
    }
  }

  /** Writes all that did not just succeed, and notes what was no longer this process's. */
  async #writeOthers(process: number, ended: readonly Ended[], until: Until, lost: Set<string>): Promise<void> {
    const { database } = this.#options;
    const write = async (asked: readonly { readonly job: HeldJob }[], work: () => Promise<Iterable<string>>) => {
      if (asked.length === 0) return;
      const kept = new Set(await until(work));
      for (const { job } of asked) if (!kept.has(job.id)) lost.add(job.id);
    };
    const retries = select(ended, "retry");
    await write(retries, () =>
      retryJobs(
        database,
        process,
        retries.map(({ job, outcome }) => ({
          id: job.id,
          delivery: job.delivery,
          waitMs: Math.round(outcome.waitMs),
          failure: outcome.failure,
        })),
      ),
    );
    const parks = select(ended, "parked");
    await write(parks, () =>
      parkJobs(
        database,
        process,
        parks.map(({ job, outcome }) => ({ id: job.id, delivery: job.delivery, ...outcome })),
      ),
    );
    for (const { outcome } of retries) this.#options.onPutOff(outcome.waitMs);
    this.#options.onEnqueued(select(ended, "committed").flatMap(({ outcome }) => outcome.children));
    const completed = select(ended, "succeeded");
    const completions = completed.map(({ job, outcome }) => ({
      ...toSuccess(job, outcome),
      children: outcome.children ?? [],
    }));
    await write(completed, () => database.transaction(({ run }) => completeJobs(run, process, completions)));
    this.#options.onEnqueued(completions.flatMap(({ children }) => children));
    for (const one of select(ended, "suspended"))
      await write([one], async () => {
        const put = await suspendJob(database, one.job, one.outcome.wakes);
        for (const { inMs } of put) this.#options.onPutOff(inMs);
        return put.map(({ id }) => id);
      });
    const releases = select(ended, "released");
    await write(releases, async () =>
      this.#back(
        await releaseJobs(
          database,
          process,
          releases.map(({ job, outcome }) => ({
            id: job.id,
            delivery: job.delivery,
            interrupted: outcome.interrupted,
          })),
        ),
      ),
    );
  }

  /** What has gone back to the queue. */
  #back(jobs: readonly { readonly id: string; readonly lane: number }[]): string[] {
    if (jobs.length > 0) this.#options.onReleased([...new Set(jobs.map(({ lane }) => lane))]);
    return jobs.map(({ id }) => id);
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

/** Tries until the database answers. */
type Until = <T>(work: () => Promise<T>) => Promise<T>;

/** Nearly always there is one: a process has another only after it was taken for dead. */
function byProcess(ended: readonly Ended[]): Map<number, Ended[]> {
  const groups = new Map<number, Ended[]>();
  for (const one of ended) {
    const group = groups.get(one.job.process);
    if (group) group.push(one);
    else groups.set(one.job.process, [one]);
  }
  return groups;
}

/** Counts jobs off their claims. Answers with the claims of which nothing is left. */
function countOff(ended: readonly Ended[]): number[] {
  const done: number[] = [];
  for (const { job } of ended) if (--job.claim.unwritten === 0) done.push(job.claim.batch);
  return done;
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
