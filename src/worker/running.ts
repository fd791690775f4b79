import { toMilliseconds } from "../contract/duration.ts";
import { rerunnable } from "../contract/execution.ts";
import { lastReaderOf, type StrandedLane } from "../engine/backlog.ts";
import { publish } from "../engine/events.ts";
import { Listener } from "../engine/listen.ts";
import { prune } from "../engine/prune.ts";
import { TaskTransactions } from "../engine/task-transactions.ts";
import { Waker } from "../engine/wake.ts";
import { fromText, type WakeUp, wakeUpsFor } from "../engine/wake-ups.ts";
import { Membership } from "../process/membership.ts";
import { ClaimLoop } from "./claim-loop.ts";
import { Closing } from "./closing.ts";
import { Deference } from "./deference.ts";
import { drain, timeLeftMs } from "./drain.ts";
import { GateKeeper } from "./gate-keeper.ts";
import { Loop } from "./loop.ts";
import { RescueLoop } from "./rescue-loop.ts";
import { Runner } from "./runner.ts";
import { ScheduleLoop } from "./schedule-loop.ts";
import { Scout } from "./scout.ts";
import { Settler } from "./settler.ts";
import { Checkpoints } from "./steps/checkpoints.ts";
import { ChildJobs } from "./steps/child-jobs.ts";
import type { TaskTable } from "./task-table.ts";
import type { WorkerOptions } from "./worker-options.ts";

const pruneEveryMs = 60_000;

/** The attempts of one worker, counted. */
export interface RunningAttempts {
  readonly short: number;
  readonly interruptible: number;
  /** How long the short ones may take at most, by their time limits. */
  readonly longestMs: number;
  /** Task and job of each, such as `user.confirm 4711`. */
  readonly names: readonly string[];
}

/** A worker at work: the parts and how they hear of each other. */
export class Running {
  readonly #membership: Membership;
  readonly #runner: Runner;
  readonly #settler: Settler;
  readonly #claims: ClaimLoop;
  readonly #closing = new Closing();
  readonly #gate: GateKeeper;
  readonly #rescue: RescueLoop;
  readonly #listener: Listener | undefined;
  readonly #schedules: ScheduleLoop;
  readonly #pruning: Loop;
  readonly #waker: Waker;
  readonly #transactions: TaskTransactions;
  readonly #graceMs: number;
  readonly #tending: NodeJS.Timeout;
  #fenced = false;

  static async start(options: WorkerOptions, tasks: TaskTable): Promise<Running> {
    const leaseMs = Math.max(2_000, toMilliseconds(options.lease ?? "20s", "lease"));
    // The heartbeat begins before the parts that it tells of exist.
    let running: Running | undefined;
    const membership = await Membership.start({
      database: options.database,
      release: options.release,
      tasks: options.tasks,
      role: "worker",
      queues: options.queues ?? null,
      concurrency: options.concurrency ?? 10,
      leaseMs,
      connections: 5, // beside that of its claims
      running: () => running?.report() ?? "[]",
      onFenced: (silentMs) => running?.fence(silentMs),
      onBeat: () => running?.unfence(),
      onReborn: () => running?.reborn(),
    });
    running = new Running(membership, options, tasks, leaseMs);
    return running;
  }

  private constructor(membership: Membership, options: WorkerOptions, tasks: TaskTable, leaseMs: number) {
    const { database } = membership;
    const { concurrency = 10, queues = null } = options;
    const process = () => membership.process;
    const isSure = () => membership.isSure();
    const closing = this.#closing;
    const scout = new Scout(database, tasks, queues);
    const wake = (wakeUps: readonly WakeUp[]) => {
      if (scout.wake(wakeUps)) this.#claims.nudge();
    };
    const deference = new Deference({ answer: wake, hasRoom: () => this.#runner.freeSlots > 0 });
    const released = (lanes: readonly number[]) => {
      scout.returned(lanes);
      deference.told(lanes.map((lane) => ({ lane, inMs: 0 })));
      this.#waker.wake(lanes);
    };
    this.#membership = membership;
    this.#graceMs = toMilliseconds(options.grace ?? "5s", "grace");
    this.#waker = new Waker(database);
    this.#settler = new Settler({
      database,
      onReleased: released,
      onEnqueued: (jobs) => {
        wake(wakeUpsFor(jobs));
        this.#waker.wakeFor(jobs);
      },
      onPutOff: (inMs) => {
        if (scout.expect(inMs)) this.#claims.nudge();
      },
      onSettled: () => this.#settled(),
    });
    this.#transactions = new TaskTransactions({ url: database.url });
    this.#runner = new Runner({
      database,
      concurrency,
      steps: {
        database,
        checkpoints: new Checkpoints(database),
        transactions: this.#transactions,
        childJobs: new ChildJobs({ database, register: (children) => membership.addTasks(children) }),
      },
      closing,
      isSure,
      onEnded: (job, outcome) => this.#settler.add(job, outcome),
      onRoom: () => {
        deference.ended();
        this.#claims.nudgeForRoom();
      },
    });
    this.#claims = new ClaimLoop({
      database,
      tasks,
      scout,
      runner: this.#runner,
      settler: this.#settler,
      closing,
      isSure,
      process,
      onClaimed: (jobs) => deference.claimed(jobs),
    });
    this.#gate = new GateKeeper({
      database,
      process,
      closing,
      claims: this.#claims,
      runner: this.#runner,
      settler: this.#settler,
      scout,
    });
    this.#rescue = new RescueLoop({
      database,
      process,
      leaseMs,
      onReleased: released,
      onCounted: (workers) => {
        deference.others = workers;
      },
    });
    this.#schedules = new ScheduleLoop({
      database,
      schedules: options.schedules ?? [],
      releaseName: membership.release.name,
      release: membership.releaseNumber,
      tasks: tasks.names,
      onFired: released,
    });
    const keepMs = toMilliseconds(options.keepSucceeded ?? "7 days", "keepSucceeded");
    this.#pruning = new Loop(
      () => prune(database, keepMs).then(() => pruneEveryMs),
      () => pruneEveryMs,
    );
    this.#listener = membership.sessions
      ? new Listener({
          url: membership.located.url,
          applicationName: "taskmaster listener",
          channels: {
            taskmaster_job: (payload) => deference.told(fromText(payload)),
            taskmaster_gate: () => this.#gate.nudge(),
          },
          onConnected: () => {
            scout.sweepSoon();
            this.#claims.nudge();
            this.#gate.nudge();
          },
        })
      : undefined;
    this.#tending = setInterval(() => this.#tend(), 250);
    this.#listener?.start();
    this.#gate.start();
    this.#claims.start();
    this.#rescue.start();
    this.#schedules.start();
    this.#pruning.start(Math.random() * pruneEveryMs); // nobody waits for it, and a program that starts has enough to do
  }

  get process(): number {
    return this.#membership.process;
  }

  describe(): string {
    const { release, located } = this.#membership;
    return `process ${this.process} of release ${release.name} · database: ${located.where}`;
  }

  wouldStrand(): Promise<StrandedLane[]> {
    return lastReaderOf(this.#membership.database, this.process);
  }

  attempts(): RunningAttempts {
    const { attempts } = this.#runner;
    return {
      short: attempts.filter(({ interruptible }) => !interruptible).length,
      interruptible: attempts.filter(({ interruptible }) => interruptible).length,
      longestMs: Math.max(0, ...attempts.map(timeLeftMs)),
      names: attempts.map(({ job }) => `${job.task.contract.name} ${job.id}`),
    };
  }

  #settled(): void {
    this.#claims.nudgeForRoom();
    this.#gate.settled();
  }

  /** What is looked after now and then, however quiet it is. */
  #tend(): void {
    void this.#runner.announceLongRunning().catch(() => {}); // tried again with the next round
    for (const job of this.#runner.takeStale()) this.#settler.add(job, { end: "released", interrupted: false });
  }

  /** What runs, for people: told with each heartbeat. */
  report(): string {
    const now = Date.now();
    return JSON.stringify(
      this.#runner.attempts.slice(0, 200).map(({ job, startedAt, overrun, told }) => ({
        job: job.id,
        task: job.task.contract.name,
        kind: job.task.execution.kind,
        since: new Date(now - (performance.now() - startedAt)).toISOString(),
        ...(overrun && { overrun }),
        ...told,
      })),
    );
  }

  /** Nobody may have heard of this process for so long that its jobs are given to others any moment: stop what could run twice. */
  fence(silentMs: number): void {
    this.#fenced = true;
    publish({ event: "process.fenced", process: this.process, silentMs });
    this.#closing.close("fence");
    for (const attempt of this.#runner.attempts)
      if (rerunnable(attempt.job.task.execution)) attempt.interrupt("its worker has lost the database");
  }

  /** The database hears of this process again, as the one it was. */
  unfence(): void {
    if (!this.#fenced) return;
    this.#fenced = false;
    for (const job of this.#runner.takeBuffered()) this.#settler.add(job, { end: "released", interrupted: false });
    this.#reopen();
  }

  /** This process was taken for dead and is a new one now: what it had claimed is others'. */
  reborn(): void {
    for (const attempt of this.#runner.attempts)
      if (rerunnable(attempt.job.task.execution)) attempt.interrupt("its worker was taken for dead");
    this.#runner.forgetUnstarted();
    this.#fenced = false;
    this.#gate.nudge(); // a new incarnation has acknowledged nothing
    this.#reopen();
  }

  #reopen(): void {
    this.#closing.open("fence");
    this.#runner.pump();
    this.#claims.nudge();
  }

  async stop(hurry: AbortSignal): Promise<void> {
    await this.#membership.stopping();
    this.#closing.close("stop");
    await this.#claims.stop();
    await drain({
      database: this.#membership.database,
      process: this.process,
      runner: this.#runner,
      settler: this.#settler,
      graceMs: this.#graceMs,
      hurry,
      reason: "its worker stops",
    });
    clearInterval(this.#tending);
    await Promise.all([
      this.#gate.stop(),
      this.#rescue.stop(),
      this.#schedules.stop(),
      this.#pruning.stop(),
      this.#listener?.stop(),
      this.#waker.settled(),
      this.#transactions.end(),
    ]);
    await this.#membership.stop();
  }
}
