import { hostname } from "node:os";
import { type AnyTask, contractOf, executionOf, isRunnableTask } from "../contract/task.ts";
import { type Database, pause, retrying } from "../engine/database.ts";
import { publish } from "../engine/events.ts";
import { migrate } from "../engine/migrate.ts";
import {
  markStopped,
  markStopping,
  type RegisteredTask,
  type Registration,
  type Release,
  registerProcess,
  registerTasks,
} from "../engine/registry.ts";
import { type Heartbeat, threadedHeartbeat, timedHeartbeat } from "./heartbeat.ts";
import { type LocatedDatabase, locateDatabase } from "./locate.ts";
import { findRelease } from "./release-name.ts";
import { openDatabase } from "./sessions.ts";
import { packageVersion } from "./version.ts";

/**
 * A program's membership in the system: its database, its registration under a release, and its heartbeat. Invariants:
 *
 * 1. `process` names one incarnation. A process that was judged dead comes back as another, never as itself.
 * 2. `stop()` says goodbye in the database, so that a stop is never taken for a death.
 */
export interface MembershipOptions {
  /** A `postgres://` URL. Default: `DATABASE_URL`, else an embedded Postgres under `.taskmaster/`. */
  readonly database?: string | undefined;
  /** Default: `TASKMASTER_RELEASE`, else the git commit, else a hash of the contracts. */
  readonly release?: string | undefined;
  readonly tasks: readonly AnyTask[];
  readonly role: "worker" | "producer";
  readonly queues: readonly string[] | null;
  readonly concurrency: number;
  readonly leaseMs: number;
  readonly connections: number;
  /** What the process runs just now, as JSON text. */
  readonly running: () => string;
  readonly onFenced: (silentMs: number) => void;
  readonly onBeat: () => void;
  /** Judged dead: registered again as a new incarnation when it resolves. */
  readonly onReborn: (process: number) => void;
}

export class Membership {
  readonly database: Database;
  readonly located: LocatedDatabase;
  readonly release: Release;
  /** Whether its connections are sessions, which can listen. */
  readonly sessions: boolean;
  readonly #options: MembershipOptions;
  #registration: Registration;
  #heartbeat: Heartbeat | undefined;
  readonly #stop = new AbortController();
  /** Registered later: the next incarnation brings them along. */
  readonly #added: AnyTask[] = [];
  #registering: Promise<Registration> | undefined;

  private constructor(
    options: MembershipOptions,
    database: Database,
    located: LocatedDatabase,
    release: Release,
    sessions: boolean,
    registration: Registration,
  ) {
    this.#options = options;
    this.database = database;
    this.located = located;
    this.release = release;
    this.sessions = sessions;
    this.#registration = registration;
  }

  /** Opens the database, migrates it where that is needed, registers, and starts the heartbeat. */
  static async start(options: MembershipOptions): Promise<Membership> {
    const release = await findRelease(options.release, options.tasks.map(contractOf));
    const located = await locateDatabase(options.database);
    const opening = { during: "starting", forMs: 60_000 };
    const open = () =>
      openDatabase({
        url: located.url,
        connections: options.connections,
        applicationName: `taskmaster ${options.role}`,
        inLine: options.role === "worker",
      });
    const { database, sessions } = await retrying(open, opening).catch(async (error: unknown) => {
      await located.leave();
      throw error;
    });
    try {
      await retrying(() => migrate(database), opening);
      const registration = await retrying(() => registerProcess(database, describe(options, release)), opening);
      const membership = new Membership(options, database, located, release, sessions, registration);
      await membership.#startHeartbeat();
      return membership;
    } catch (error) {
      await database.end();
      await located.leave();
      throw error;
    }
  }

  /** The number of this incarnation. */
  get process(): number {
    return this.#registration.process;
  }

  get releaseNumber(): number {
    return this.#registration.release;
  }

  /** Whether others cannot have taken this process for dead, by the clocks at this very moment. */
  isSure(): boolean {
    return this.#heartbeat?.isSure() ?? false;
  }

  /** Registers further tasks: a producer that enqueues one which it had not named. @throws {ContractContradictionError} */
  async addTasks(tasks: readonly AnyTask[]): Promise<void> {
    await retrying(() => registerTasks(this.database, this.#registration, tasks.map(registered)), {
      during: "registering a task",
      forMs: 30_000,
    });
    this.#added.push(...tasks);
  }

  async #startHeartbeat(): Promise<void> {
    const { role, leaseMs, running, onFenced, onBeat } = this.#options;
    const options = { process: this.process, leaseMs, running, onFenced, onBeat, onDead: () => void this.#rebirth() };
    this.#heartbeat =
      role === "worker"
        ? threadedHeartbeat({ url: this.located.url, applicationName: "taskmaster heartbeat" }, this.sessions, options)
        : timedHeartbeat(this.database, options);
    await this.#heartbeat.start();
  }

  async #rebirth(): Promise<void> {
    const { signal } = this.#stop;
    if (signal.aborted) return;
    publish({ event: "process.declared-dead", process: this.process });
    await this.#heartbeat?.stop();
    for (let registration: Registration | undefined; registration === undefined; ) {
      if (signal.aborted) return;
      this.#registering = retrying(() => registerProcess(this.database, this.#description()), {
        during: "registering again",
        signal,
      });
      try {
        registration = this.#registration = await this.#registering;
      } catch (error) {
        publish({ event: "database.lost", during: "registering again", error });
        await pause(5_000, signal);
      }
    }
    if (signal.aborted) return;
    await this.#startHeartbeat();
    if (!signal.aborted) this.#options.onReborn(this.process);
  }

  #description() {
    const tasks = [...new Set([...this.#options.tasks, ...this.#added])];
    return describe({ ...this.#options, tasks }, this.release);
  }

  /** Says in the database that this process takes no more jobs. */
  async stopping(): Promise<void> {
    await markStopping(this.database, this.process).catch(() => {});
  }

  async stop(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    await this.#registering?.catch(() => {});
    await this.#heartbeat?.stop();
    await retrying(() => markStopped(this.database, this.process), { during: "signing off", forMs: 5_000 }).catch(
      () => {},
    );
    publish({ event: "process.stopped", process: this.process });
    await this.database.end();
    await this.located.leave();
  }
}

function registered(task: AnyTask): RegisteredTask {
  return { contract: contractOf(task), ...(isRunnableTask(task) && { execution: executionOf(task) }) };
}

function describe({ role, tasks, queues, concurrency, leaseMs }: MembershipOptions, release: Release) {
  // A producer that imports whole tasks still only enqueues.
  const told = tasks.map((task) => (role === "worker" ? registered(task) : { contract: contractOf(task) }));
  return {
    role,
    release,
    tasks: told,
    queues,
    concurrency,
    leaseMs,
    host: hostname(),
    pid: process.pid,
    version: packageVersion,
  };
}
