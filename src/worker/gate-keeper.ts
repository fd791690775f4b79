import type { Database } from "../engine/database.ts";
import { publish } from "../engine/events.ts";
import { acknowledgeGate, type Closes, findGate, type Gate, lapseGate, type ReportedAttempt } from "../engine/gate.ts";
import type { Attempt } from "./attempt.ts";
import type { ClaimLoop } from "./claim-loop.ts";
import type { Closing } from "./closing.ts";
import { Loop } from "./loop.ts";
import type { Runner } from "./runner.ts";
import type { Scout } from "./scout.ts";
import type { Settler } from "./settler.ts";

/**
 * A worker's side of the gate (docs/gate.md). It looks every second, and at once when it is told to. Invariants:
 *
 * 1. It acknowledges only what is so: nothing may start, no claim is in flight, what was claimed and not started is written back, and
 *    every attempt that runs is in what it reports.
 * 2. An attempt leaves the report only when its outcome is in the database.
 * 3. It opens only when the database says that the gate has ended. An error changes nothing: the next look tries again.
 */
export interface GateKeeperOptions {
  readonly database: Database;
  /** The present incarnation. */
  readonly process: () => number;
  readonly closing: Closing;
  readonly claims: ClaimLoop;
  readonly runner: Runner;
  readonly settler: Settler;
  readonly scout: Scout;
}

const everyMs = 1_000;

/** What has been acknowledged, and as whom. */
interface Closed {
  readonly deploy: number;
  readonly closes: Closes;
  readonly process: number;
}

export class GateKeeper {
  readonly #options: GateKeeperOptions;
  readonly #loop: Loop;
  #closed: Closed | undefined;
  /** Jobs that were handed back, and not told of yet. */
  #handedBack = 0;
  /** Reports go one after the other: an older one must not arrive behind a newer. */
  #reporting: Promise<void> = Promise.resolve();
  #changed = false;
  #reported = { short: 0, at: 0 };

  constructor(options: GateKeeperOptions) {
    this.#options = options;
    this.#loop = new Loop(
      () => this.#look(),
      () => everyMs,
    );
  }

  start(): void {
    this.#loop.start();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  /** A gate may have closed or opened. */
  nudge(): void {
    this.#loop.nudge();
  }

  /** Outcomes have been written: whoever waits for this worker hears of it at once. */
  settled(): void {
    if (this.#closed === undefined || this.#changed) return; // not yet, or on its way
    this.#changed = true;
    const isNews = shortOf(this.#options.runner.attempts) !== this.#reported.short;
    if (isNews || performance.now() - this.#reported.at > everyMs) void this.#report().catch(() => {}); // the next look tries again
  }

  async #look(): Promise<number> {
    const { database, process } = this.#options;
    const me = process();
    const gate = await findGate(database, me);
    if (gate?.lapsed) {
      await lapseGate(database); // or its holder has renewed it meanwhile: the next look tells
      return 0;
    }
    if (gate === undefined) this.#open();
    else if (!this.#isClosed(gate, me)) await this.#close(gate, me);
    else if (this.#changed) await this.#report();
    return everyMs;
  }

  #isClosed({ deploy, closes }: Gate, process: number): boolean {
    const closed = this.#closed;
    return closed?.deploy === deploy && closed.closes === closes && closed.process === process;
  }

  async #close({ deploy, closes }: Gate, process: number): Promise<void> {
    const { closing, claims, runner, settler } = this.#options;
    this.#closed = undefined;
    closing.close("gate", closes);
    await claims.idle();
    const unstarted = runner.takeClosed();
    for (const job of unstarted) settler.add(job, { end: "released", interrupted: false });
    await runner.announced();
    await claims.reconcile();
    this.#handedBack += unstarted.length;
    this.#closed = { deploy, closes, process };
    this.#changed = true;
    await this.#report();
    publish({ event: "gate.closed", deploy, process, closes, handedBack: unstarted.length });
  }

  #open(): void {
    const { closing, claims, runner, scout } = this.#options;
    if (this.#closed === undefined && closing.closes === undefined) return;
    const closed = this.#closed;
    this.#closed = undefined;
    this.#changed = false;
    closing.open("gate");
    runner.pump();
    scout.sweepSoon(); // claims that the gate refused have made every lane look empty
    claims.nudge();
    if (closed) publish({ event: "gate.opened", deploy: closed.deploy, process: closed.process });
  }

  #report(): Promise<void> {
    const report = this.#reporting.then(() => this.#send());
    this.#reporting = report.catch(() => {});
    return report;
  }

  /** Tells what still runs. Taken before the outcomes are waited for, so that an attempt which ends meanwhile stays in it. */
  async #send(): Promise<void> {
    const closed = this.#closed;
    if (closed === undefined || !this.#changed) return;
    const { database, runner, settler } = this.#options;
    const handedBack = this.#handedBack;
    this.#changed = false;
    const { attempts } = runner;
    const short = shortOf(attempts);
    try {
      await settler.caughtUp();
      const running = JSON.stringify(attempts.slice(0, mostReported).map(reported));
      await acknowledgeGate(database, closed.process, { ...closed, handedBack, short, running });
      this.#handedBack -= handedBack;
      this.#reported = { short, at: performance.now() };
    } catch (error) {
      this.#changed = true;
      throw error;
    }
  }
}

function shortOf(attempts: readonly Attempt[]): number {
  return attempts.filter(({ interruptible }) => !interruptible).length;
}

const mostReported = 1_000;

function reported({ job, startedAt, interruptible, overrun }: Attempt): ReportedAttempt {
  const { contract, execution } = job.task;
  return {
    job: job.id,
    task: contract.name,
    kind: interruptible ? "interruptible" : "short",
    since: new Date(Date.now() - (performance.now() - startedAt)).toISOString(),
    ...(execution.kind === "short" && { limitMs: execution.timeLimitMs }),
    ...(overrun && { overrun }),
  };
}
