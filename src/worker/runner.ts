import { rerunnable } from "../contract/execution.ts";
import { beginAttempts } from "../engine/begin.ts";
import { type Database, retrying } from "../engine/database.ts";
import { publish } from "../engine/events.ts";
import { recordOverrun } from "../engine/settle.ts";
import { Attempt, type AttemptHooks } from "./attempt.ts";
import type { Closing } from "./closing.ts";
import type { HeldJob } from "./held-job.ts";
import { Pace } from "./pace.ts";
import type { Outcome } from "./settler.ts";
import { Slots } from "./slots.ts";
import type { StepResources } from "./steps/attempt-steps.ts";
import { StrayWatch } from "./stray-watch.ts";

/**
 * Slots, and the buffer before them.
 *
 *   buffered ──► announcing ──► running ──► ended (to the settler)
 *       └─────────────────────────► (back to the queue)
 *
 * Invariants:
 *
 * 1. Announcing and running jobs together never exceed the concurrency.
 * 2. A short task without `afterCrash: "retry"`, and any job of which an attempt may have begun before, is announced to the database before it runs, so
 *    that after a death nobody has to guess whether it had started. Others are announced when they have run for a while.
 * 3. Nothing starts that is closed, or where the last beat is so old that others may have taken this process for dead: a process that was
 *    stopped and goes on would otherwise start what it had claimed, behind a gate that has closed meanwhile (docs/gate.md).
 * 4. A job leaves exactly once: to the settler, or, where its claim was lost, to nobody.
 */
export interface RunnerOptions {
  readonly database: Database;
  readonly concurrency: number;
  readonly closing: Closing;
  /** Whether others cannot have taken this process for dead. */
  readonly isSure: () => boolean;
  readonly steps: StepResources;
  readonly onEnded: (job: HeldJob, outcome: Outcome) => void;
  /** A slot or a place in the buffer is free. */
  readonly onRoom: () => void;
}

/** Attempts that run longer than this are announced, where they were not before. */
const announceAfterMs = 200;
/** What was claimed ahead of time for a tenth of a second, and still has no slot after this, goes back, unless its turn comes within as long again. */
const staleAfterMs = 1_000;
/** Where not one attempt has ended between so many looks (one each 250 ms, running.ts), what runs is of another kind than what had ended before, and nothing waits here for its end. */
const looksBlocked = 3;

interface Look {
  /** By `performance.now()`. */
  readonly at: number;
  readonly started: number;
  readonly ended: number;
}

/**
 * Functions that end at once would otherwise follow each other until the buffer is empty, and neither the next claim nor a settlement, nor
 * anything else in this program, would come to its turn.
 */
const mostEndsInTurn = 200;

export class Runner {
  readonly #options: RunnerOptions;
  readonly #buffer: HeldJob[] = [];
  readonly #announcing = new Map<string, HeldJob>();
  readonly #running = new Slots();
  readonly #hooks: AttemptHooks;
  readonly pace: Pace;
  #startedFromBuffer = 0;
  /** The last second's looks at the buffer for what has waited too long, oldest first: what had been started from it by then, and how many attempts had ended. */
  readonly #looks: Look[] = [{ at: performance.now(), started: 0, ended: 0 }];
  #endedInAll = 0;
  #endsInTurn = 0;
  #next: NodeJS.Immediate | undefined;
  #ended: (() => void)[] = [];

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#hooks = {
      onOverrun: (job, message) => void recordOverrun(options.database, job.process, job, message).catch(() => {}),
      steps: options.steps,
      strays: new StrayWatch(options.database),
    };
    this.pace = new Pace(options.concurrency);
  }

  get concurrency(): number {
    return this.#options.concurrency;
  }

  get freeSlots(): number {
    return Math.max(0, this.#options.concurrency - this.#running.size - this.#announcing.size - this.#buffer.length);
  }

  get buffered(): number {
    return this.#buffer.length;
  }

  /** In the order in which they started. */
  get attempts(): readonly Attempt[] {
    return [...this.#running].sort((one, other) => one.startedAt - other.startedAt);
  }

  get busy(): boolean {
    return this.#running.size + this.#announcing.size + this.#buffer.length > 0;
  }

  /** All that is here. */
  jobs(): HeldJob[] {
    return [...[...this.#running].map(({ job }) => job), ...this.#announcing.values(), ...this.#buffer];
  }

  /** Takes claimed jobs: those that the claim started run at once, the others when there is a slot. */
  offer(jobs: readonly HeldJob[]): void {
    const waiting: HeldJob[] = [];
    for (const job of jobs) {
      if (job.started && this.#mayStart(job)) this.#start(job, true);
      else waiting.push(job);
    }
    const [first] = waiting;
    if (first !== undefined) first.claim.startedBefore = this.#startedFromBuffer;
    this.#buffer.push(...waiting);
    this.pump();
  }

  /** Starts what there are slots for. */
  pump(): void {
    let toAnnounce: HeldJob[] | undefined;
    while (this.#running.size + this.#announcing.size < this.#options.concurrency) {
      const [next] = this.#buffer;
      if (next === undefined || !this.#mayStart(next)) break;
      const job = this.#buffer.shift() as HeldJob;
      this.#startedFromBuffer++;
      if (this.#buffer[0]?.claim !== job.claim)
        this.pace.started(this.#startedFromBuffer, job.claim.startedBefore, performance.now() - job.claim.heldSince);
      if (job.started || (rerunnable(job.task.execution) && job.delivery - job.unstarted === 1))
        this.#start(job, job.started);
      else {
        this.#announcing.set(job.id, job);
        toAnnounce ??= [];
        toAnnounce.push(job);
      }
    }
    if (toAnnounce !== undefined) void this.#announce(toAnnounce);
  }

  async #announce(jobs: readonly HeldJob[]): Promise<void> {
    const { database } = this.#options;
    for (const process of new Set(jobs.map((job) => job.process))) {
      const mine = jobs.filter((job) => job.process === process);
      const begun = await retrying(() => beginAttempts(database, process, mine), {
        during: "starting jobs",
        forMs: 60_000,
      }).catch(() => undefined);
      for (const job of mine) {
        if (!this.#announcing.delete(job.id)) continue; // forgotten meanwhile
        if (begun?.has(job.id) && !this.#mayStart(job))
          this.#options.onEnded(job, { end: "released", interrupted: false });
        else if (begun?.has(job.id)) this.#start(job, true);
        else if (begun === undefined) this.#options.onEnded(job, { end: "released", interrupted: false });
        else publish({ event: "job.lost", job: job.id, task: job.task.contract.name, during: "starting" });
      }
    }
    this.pump();
    this.#options.onRoom();
    for (const tell of this.#ended.splice(0)) tell();
  }

  #mayStart({ task }: HeldJob): boolean {
    return this.#options.closing.allows(task.execution) && this.#options.isSure();
  }

  #start(job: HeldJob, announced: boolean): void {
    const attempt = new Attempt(job, announced, this.#hooks);
    this.#running.add(attempt);
    attempt.run(this.#onEnd);
  }

  readonly #onEnd = (attempt: Attempt, outcome: Outcome): void => {
    const { job } = attempt;
    this.#running.delete(attempt);
    this.#endedInAll++;
    this.pace.ran(job.task.contract.name, attempt.startedAt, job.payloadLength);
    this.#options.onEnded(job, outcome);
    if (++this.#endsInTurn < mostEndsInTurn) this.pump();
    else this.#rest();
    this.#options.onRoom();
    if (this.#ended.length > 0) for (const tell of this.#ended.splice(0)) tell();
  };

  /** Goes on with the next turn of the event loop. */
  #rest(): void {
    this.#next ??= setImmediate(() => {
      this.#next = undefined;
      this.#endsInTurn = 0;
      this.pump();
    });
  }

  /** Resolves when the next attempt has ended. */
  nextEnd(): Promise<void> {
    return new Promise((resolve) => this.#ended.push(resolve));
  }

  /** Tells the database of attempts that have been running for a while without its knowledge. */
  async announceLongRunning(): Promise<void> {
    const now = performance.now();
    const long = this.attempts.filter(({ announced, startedAt }) => !announced && now - startedAt > announceAfterMs);
    for (const process of new Set(long.map(({ job }) => job.process))) {
      const mine = long.filter(({ job }) => job.process === process);
      await beginAttempts(
        this.#options.database,
        process,
        mine.map(({ job }) => job),
      );
      for (const attempt of mine) attempt.announced = true;
    }
  }

  /** Takes out of the buffer what may not start. */
  takeClosed(): HeldJob[] {
    const all = this.#buffer.splice(0);
    const { closing } = this.#options;
    this.#buffer.push(...all.filter(({ task }) => closing.allows(task.execution)));
    return all.filter(({ task }) => !closing.allows(task.execution));
  }

  /** Takes the buffer out. */
  takeBuffered(): HeldJob[] {
    return this.#buffer.splice(0);
  }

  /** Resolves when nothing is on its way to a start. */
  async announced(): Promise<void> {
    while (this.#announcing.size > 0) await this.nextEnd();
  }

  /**
   * Takes out of the buffer what has waited too long and will wait on: the slots run something slow, and another worker may be free. Where the machine
   * is busy and attempts end one after the other, nothing is won by that: whoever gets the job next is as busy.
   */
  takeStale(): HeldJob[] {
    const now = performance.now();
    this.#looks.push({ at: now, started: this.#startedFromBuffer, ended: this.#endedInAll });
    while (now - (this.#looks[1] as Look).at >= staleAfterMs) this.#looks.shift();
    const [oldest] = this.#buffer;
    if (oldest === undefined) return [];
    // Looks, not milliseconds: a program that was stopped for a while, or had no turn, sees one look and has not been blocked.
    const lately = this.#looks.at(-looksBlocked);
    const isQuiet = lately !== undefined && lately.ended === this.#endedInAll && oldest.claim.heldSince <= lately.at;
    const isBlocked = isQuiet && this.#announcing.size === 0; // else the database is slow, and would have more to do
    if (!isBlocked && now - oldest.claim.heldSince <= staleAfterMs) return [];
    const { at, started } = this.#looks[0] as Look;
    const rate = isBlocked ? 0 : (this.#startedFromBuffer - started) / Math.max(now - at, 1);
    const stale = this.#buffer.splice(Math.floor(rate * staleAfterMs));
    if (stale.length > 0) this.pace.gaveUp();
    return stale;
  }

  /** Lets go of what an earlier incarnation had claimed and not started. */
  forgetUnstarted(): void {
    this.#buffer.length = 0;
    this.#announcing.clear();
  }
}
