import { claimJobs, ownedJobs, prepareClaims } from "../engine/claim.ts";
import type { ClaimedJob } from "../engine/claimed-job.ts";
import { type Database, pause } from "../engine/database.ts";
import { isTransient } from "../engine/database-errors.ts";
import { isHeard, publish } from "../engine/events.ts";
import { releaseJobs } from "../engine/release.ts";
import { roomFor } from "./claim-room.ts";
import type { Closing } from "./closing.ts";
import { Claim, HeldJob } from "./held-job.ts";
import type { Runner } from "./runner.ts";
import type { PlannedQuota, Scout } from "./scout.ts";
import type { Settler } from "./settler.ts";
import type { TaskEntry, TaskTable } from "./task-table.ts";

/**
 * Fetches jobs while there is room. One claim at a time, or from a backlog two, one behind the other, so that the database goes on while the answer of the
 * first is read; and beside them a look at all lanes, where it is time to. Invariants:
 *
 * 1. After a claim whose reply was lost, and every `reconcileMs`, what the database holds for this process is compared with what is held here;
 *    what is not known here goes back to the queue.
 * 2. Nothing is claimed while closed (shutting down, fenced, or behind a gate), nor where the last beat is old. When `idle()` resolves, no claim
 *    that began before is in flight.
 * 3. No error ends the loop.
 */
export interface ClaimLoopOptions {
  readonly database: Database;
  readonly tasks: TaskTable;
  readonly scout: Scout;
  readonly runner: Runner;
  readonly settler: Settler;
  readonly closing: Closing;
  /** Whether others cannot have taken this process for dead. */
  readonly isSure: () => boolean;
  /** The present incarnation. */
  readonly process: () => number;
  /** A claim has brought so many jobs. */
  readonly onClaimed: (jobs: number) => void;
}

const reconcileMs = 30_000;

/** A claim that was sent, and whose jobs are not handed over yet. */
interface Asked {
  /** The incarnation that claims. */
  readonly me: number;
  readonly batch: number;
  readonly lanes: readonly PlannedQuota[];
  readonly reply: Promise<ClaimedJob[]>;
  /** How many jobs it may bring; how many it has brought, once that is known. */
  brings: number;
  isAnswered: boolean;
}

export class ClaimLoop {
  readonly #options: ClaimLoopOptions;
  readonly #stop = new AbortController();
  #batch = 0;
  /** Of the last claim's payloads, on average. */
  #payloadLength = 0;
  /** Oldest first. */
  readonly #sent: Asked[] = [];
  #nudged = false;
  /** Whether there was no room when the loop went to sleep. */
  #isFull = false;
  #nudge: (() => void) | undefined;
  #running: Promise<void> | undefined;
  #inRound: Promise<unknown> | undefined;
  /** Whether somebody waits for the end of the round. */
  #isAwaited = false;
  /** A look at all lanes, on its way: never rejects. */
  #looking: Promise<void> | undefined;
  /** Why the last look failed, until the loop has heard of it. */
  #lookFailed: { readonly error: unknown } | undefined;
  #reconcileAt = performance.now() + reconcileMs;

  constructor(options: ClaimLoopOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** There may be something to do: a notification, or a gate that opened. */
  nudge(): void {
    this.#nudged = true;
    this.#nudge?.();
  }

  /** There is room: an attempt has ended, or outcomes are written. Where nothing is known to wait, and the loop knew of room, it may go on sleeping. */
  nudgeForRoom(): void {
    if (this.#isFull || this.#options.scout.isHot) this.nudge();
  }

  /** Resolves when no claim is in flight that began before. */
  async idle(): Promise<void> {
    this.#isAwaited = true; // a round from a backlog would go on for as long as there is more
    await this.#inRound?.catch(() => {});
  }

  /** Ends the loop. Resolves when nothing is in flight. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.nudge();
    await this.#running;
    await this.#looking;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    void prepareClaims(this.#options.database, this.#options.process()).catch(() => {}); // where it fails, the first claim is told
    for (let failures = 0; !signal.aborted; ) {
      try {
        if (this.#options.closing.closes === "all" || !this.#options.isSure()) {
          await this.#sleep(); // nothing is asked of the database: whether it answers again is not known
          continue;
        }
        const claimed = await this.#enter(failures > 0);
        if (failures > 0) publish({ event: "database.back", during: "claiming", afterMs: 0 });
        failures = 0;
        if (claimed === 0 || !this.#options.scout.isHot) await this.#sleep();
      } catch (error) {
        if (failures === 0) publish({ event: "database.lost", during: "claiming", error });
        this.#reconcileAt = 0;
        failures++;
        // An error that does not pass by itself is told and tried again too: a loop that ended would strand the whole worker.
        const longest = isTransient(error) ? 2_000 : 10_000;
        await pause(Math.min(longest, 50 * 2 ** Math.min(failures, 9)) * (0.5 + Math.random() / 2), signal);
      }
    }
  }

  async #enter(wasLost: boolean): Promise<number> {
    this.#isAwaited = false;
    const round = this.#round(wasLost);
    this.#inRound = round;
    try {
      return await round;
    } finally {
      this.#inRound = undefined;
    }
  }

  /** Claims and hands over. Answers how many jobs came. `wasLost`: whether the database has answered again is yet to be seen. */
  async #round(wasLost: boolean): Promise<number> {
    if (performance.now() >= this.#reconcileAt) await this.reconcile();
    this.#nudged = false;
    this.#lookAround();
    if (wasLost) await this.#looking;
    const jobs = await this.#claim();
    if (this.#lookFailed !== undefined) {
      const { error } = this.#lookFailed;
      this.#lookFailed = undefined;
      throw error;
    }
    return jobs;
  }

  /** Looks at all lanes, where it is time to. What is known to be there does not wait for it. */
  #lookAround(): void {
    const { scout } = this.#options;
    if (this.#looking !== undefined || this.#lookFailed !== undefined || scout.idleMs() > 0) return;
    this.#looking = scout
      .survey()
      .catch((error: unknown) => {
        this.#lookFailed = { error };
      })
      .finally(() => {
        this.#looking = undefined;
        this.nudge();
      });
  }

  /** Claims where there is known to be work, and hands over, as long as there is room. Answers how many jobs came. */
  async #claim(): Promise<number> {
    const { scout } = this.#options;
    let jobs = 0;
    let failed: { readonly error: unknown } | undefined;
    this.#ask();
    for (let asked = this.#sent[0]; asked !== undefined; asked = this.#sent[0]) {
      try {
        const claimed = await asked.reply;
        asked.brings = claimed.length;
        asked.isAnswered = true;
        scout.learn(asked.lanes, claimed);
        this.#options.onClaimed(claimed.length);
        jobs += claimed.length;
        this.#lookAround();
        // Where there is more, the database goes on while these jobs run.
        if (failed === undefined && !this.#hasOther) this.#ask();
        this.#handOver(asked, claimed);
      } catch (error) {
        failed ??= { error };
      } finally {
        this.#sent.shift();
      }
    }
    if (failed !== undefined) throw failed.error;
    return jobs;
  }

  /** Whether the loop has something else to see to than claims. */
  get #hasOther(): boolean {
    return this.#isAwaited || this.#lookFailed !== undefined || performance.now() >= this.#reconcileAt;
  }

  /** Sends claims, where there is work and room: up to two are unanswered. */
  #ask(): void {
    for (let unanswered = this.#sent.filter(({ isAnswered }) => !isAnswered).length; unanswered < 2; unanswered++) {
      const asked = this.#askOnce(unanswered > 0);
      if (asked === undefined) return;
      asked.reply.catch(() => {}); // it is heard of in its turn
      this.#sent.push(asked);
    }
  }

  #askOnce(isSecond: boolean): Asked | undefined {
    const { database, scout, runner, closing, isSure, process } = this.#options;
    if (!scout.isHot || closing.closes === "all" || !isSure() || this.#stop.signal.aborted) return undefined;
    const expected = this.#sent.reduce((sum, { brings }) => sum + brings, 0);
    const room = roomFor(this.#options, expected, isSecond);
    const mayStart = ({ execution }: TaskEntry) => closing.allows(execution);
    const lanes = room > 0 ? scout.plan(room, runner.concurrency, mayStart, isSecond) : [];
    if (lanes.length === 0) return undefined;
    const interruptibleOnly = closing.closes === "short";
    const me = process();
    const batch = ++this.#batch;
    const starting = runner.buffered === 0 ? Math.max(0, runner.freeSlots - expected) : 0;
    return {
      me,
      batch,
      lanes,
      reply: claimJobs(database, {
        process: me,
        batch,
        lanes,
        starting,
        interruptibleOnly,
        payloadLength: this.#payloadLength,
        inLine: true,
      }),
      brings: lanes.reduce((sum, { quota }) => sum + quota, 0),
      isAnswered: false,
    };
  }

  #handOver({ me, batch }: Asked, claimed: readonly ClaimedJob[]): void {
    const { tasks, scout, runner, settler, closing, process } = this.#options;
    if (claimed.length === 0 || me !== process()) return; // of one that is dead: they are others'
    this.#payloadLength = claimed.reduce((sum, { payloadLength }) => sum + payloadLength, 0) / claimed.length;
    const claim = new Claim(me, batch, claimed.length);
    if (isHeard()) publish({ event: "job.claimed", jobs: claimed.map(({ id }) => id) });
    const jobs: HeldJob[] = [];
    for (const job of claimed) {
      const from = scout.lane(job.lane);
      const task = from && tasks.get(from.task);
      if (from && task) jobs.push(new HeldJob(job, claim, from, task));
    }
    // It may have been closed while the claim was in flight.
    runner.offer(jobs.filter(({ task }) => closing.allows(task.execution)));
    for (const job of jobs)
      if (!closing.allows(job.task.execution)) settler.add(job, { end: "released", interrupted: false });
  }

  /** Gives back what the database holds for this process and nobody here knows of; what is on its way here is left out. */
  async reconcile(): Promise<void> {
    const { database, runner, settler, process } = this.#options;
    const me = process();
    const oldest = this.#sent[0]?.batch ?? this.#batch + 1;
    const owned = (await ownedJobs(database, me)).filter(({ batch }) => batch < oldest);
    const known = new Set([...runner.jobs(), ...settler.jobs()].map(({ id }) => id));
    const ghosts = owned.filter(({ id }) => !known.has(id));
    if (ghosts.length > 0) {
      await releaseJobs(
        database,
        me,
        ghosts.map((ghost) => ({ ...ghost, interrupted: false })),
      );
      publish({ event: "job.handed-back", jobs: ghosts.map(({ id }) => id) });
    }
    this.#reconcileAt = performance.now() + reconcileMs;
  }

  async #sleep(): Promise<void> {
    if (this.#nudged) {
      this.#nudged = false; // also while closed, when no round takes it
      return;
    }
    const { scout, runner, closing, isSure } = this.#options;
    this.#isFull = runner.freeSlots === 0;
    const mayClaim = closing.closes !== "all" && isSure() && !this.#isFull;
    const ms = mayClaim ? Math.min(this.#looking === undefined ? scout.idleMs() : 5_000, 5_000) : 1_000;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#nudge = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#nudge = undefined;
  }
}
