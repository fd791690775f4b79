import { isDeepStrictEqual } from "node:util";
import { Taskmaster } from "../client/taskmaster.ts";
import { TaskmasterError } from "../contract/error.ts";
import { rerunnable } from "../contract/execution.ts";
import { type AnyRunnableTask, executionOf, type InputOf } from "../contract/task.ts";
import { Database } from "../engine/database.ts";
import { findJobs } from "../engine/jobs.ts";
import { locateDatabase } from "../process/locate.ts";
import { childrenSince, databaseTime } from "./children.ts";
import { difference } from "./difference.ts";
import { letTimePass } from "./move-time.ts";
import { SteppingWorker } from "./stepping-worker.ts";
import { type Effect, type Kill, TrackedRun } from "./tracked-run.ts";
import { watchEnqueues } from "./watch-enqueues.ts";
import { watchFiles } from "./watch-files.ts";
import { watchHttp } from "./watch-http.ts";
import { watchPostgres } from "./watch-postgres.ts";

/**
 * The proof that a task may be interrupted anywhere: it is run undisturbed, and then again once for each effect, killed right before it and
 * right after it, and rerun to its end. Whatever is different afterwards from the undisturbed run is told, with the line.
 */
export interface InterruptOptions {
  /** The world as it is after a run: rows, mails, requests, whatever must not depend on interruptions. JSON-like values. */
  readonly snapshot: () => unknown;
  /** Makes the world as it was before the first run. Called before every run. Default: the snapshot does not depend on earlier runs. */
  readonly reset?: () => unknown;
  /** Events that the task waits for, with their payloads: signalled once it has been enqueued. */
  readonly events?: Readonly<Record<string, unknown>>;
  /**
   * The same task as another release has it: killed in the one and run to its end by the other, both ways, a deploy and a rollback. What
   * is left then must be what an undisturbed run of either leaves.
   */
  readonly across?: AnyRunnableTask;
  /** A `postgres://` URL. Default: `DATABASE_URL`, else the embedded Postgres. No other worker may run the task there meanwhile. */
  readonly database?: string;
}

/** What was proved. */
export interface InterruptReport {
  /** Of the undisturbed run, in their order; the last is its end. */
  readonly effects: readonly Effect[];
  /** Runs that were killed and rerun. */
  readonly kills: number;
}

/** Thrown where a task that was killed and rerun leaves something else than an undisturbed run. */
export class UnsafeTaskError extends TaskmasterError {
  readonly code = "TASKMASTER_UNSAFE_TASK";
  /** The first line of the task that is not safe to rerun: `/app/tasks.ts:12:5`. */
  readonly where: string;
  readonly effect: Effect;
  readonly kill: Kill["when"];
  readonly difference: string;

  constructor(task: string, effect: Effect, before: Effect | undefined, kill: Kill["when"], diff: string) {
    const line = effect.where || "a line that the stack does not tell";
    super(
      kill === "after"
        ? `${task} is not safe to rerun from ${line} on: killed right after ${effect.kind} "${effect.what}" (done, its reply lost) and run again, it leaves something else than an undisturbed run.\n${diff}\n` +
            "Put what it does into the transaction of a step (ctx.step.tx, ctx.commit), or give whom it calls the step's key."
        : `${task} is not safe to rerun: something between ${before ? `${before.where} (${before.kind} "${before.what}")` : "its beginning"} and ${line} (${effect.kind} "${effect.what}") is done again when it is killed there and run again.\n${diff}\n` +
            "Do it within a step, or after it can be told whether it was done.",
    );
    this.where = kill === "after" ? effect.where : (before?.where ?? effect.where);
    this.effect = effect;
    this.kill = kill;
    this.difference = diff;
  }
}

/** Thrown where two runs of a task have different effects, or an undisturbed one does not end well, so that nothing can be proved. */
export class UnstableTaskError extends TaskmasterError {
  readonly code = "TASKMASTER_UNSTABLE_TASK";
  /** Where the runs differ; empty where the stack does not tell. */
  readonly where: string;

  constructor(message: string, where: string) {
    super(message);
    this.where = where;
  }
}

/** Attempts of one run at most. */
const mostAttempts = 100;

/**
 * Proves that a task may be interrupted anywhere, or tells the first line where it may not.
 *
 * Effects are found at their drivers, without a change of the task: SQL through `pg` (a transaction counts as one), requests by `fetch`, changes of
 * files, steps, enqueues and signals. A killed run never settles, loses its connections, and does nothing more.
 *
 * @example
 * test("the index can be rebuilt through any deploy", async () => {
 *   await interruptAnywhere(rebuildIndex, { tenant: "acme" }, {
 *     reset: () => pool.query("truncate documents_index"),
 *     snapshot: async () => (await pool.query("select * from documents_index order by id")).rows,
 *   });
 * });
 *
 * @throws {UnsafeTaskError} with the line and the difference
 * @throws {UnstableTaskError} where the effects differ from run to run
 */
export async function interruptAnywhere<T extends AnyRunnableTask>(
  task: T,
  payload: InputOf<T>,
  options: InterruptOptions,
): Promise<InterruptReport> {
  if (!rerunnable(executionOf(task)))
    throw new UnstableTaskError(
      `${task.name} is a short task: it is never interrupted, and a crash holds its job. Declare afterCrash: "retry", or make it .interruptible().`,
      "",
    );
  const located = await locateDatabase(options.database);
  const taskmaster = new Taskmaster({ database: located.url, tasks: [task], release: "interrupt-anywhere" });
  await taskmaster.start();
  const database = new Database({ url: located.url });
  const unwatch = [watchPostgres(), watchHttp(), watchFiles(), watchEnqueues()];
  try {
    const proof = new Proof(task, task, payload, options, taskmaster, database);
    const report = await prove(proof);
    if (options.across === undefined) return { effects: report.effects, kills: report.kills };
    const releases = [task, options.across] as const;
    const undisturbed = [report, await prove(proof.between(options.across, options.across))];
    let { kills } = report;
    for (const [index, from] of releases.entries()) {
      const into = releases[1 - index] ?? task;
      kills += await proveAcross(proof.between(from, into), undisturbed[index] ?? report, undisturbed);
    }
    return { effects: report.effects, kills };
  } finally {
    for (const each of unwatch) each();
    await taskmaster.stop();
    await database.end();
    await located.leave();
  }
}

/** Kills in the one release and goes on in the other. Answers how often. */
async function proveAcross(
  proof: Proof,
  { effects }: Undisturbed,
  undisturbed: readonly Undisturbed[],
): Promise<number> {
  let kills = 0;
  for (const [at, effect] of effects.entries())
    for (const when of ["before", "after"] as const) {
      const killed = await proof.run({ at, when });
      kills++;
      const differences = undisturbed.map(({ world }) => difference(world, killed.world));
      if (differences.includes("")) continue;
      throw new UnsafeTaskError(`${proof.name} (across releases)`, effect, effects[at - 1], when, differences[0] ?? "");
    }
  return kills;
}

interface Undisturbed extends InterruptReport {
  readonly world: unknown;
}

async function prove(proof: Proof): Promise<Undisturbed> {
  const undisturbed = await proof.run();
  const again = await proof.run();
  proof.assertSameTrace(undisturbed.effects, again.effects, Math.max(undisturbed.effects.length, again.effects.length));
  const changed = difference(undisturbed.world, again.world);
  if (changed !== "")
    throw new UnstableTaskError(
      `Two undisturbed runs of ${proof.name} leave different snapshots. Let reset make the world as it was before each run.\n${changed}`,
      "",
    );
  let kills = 0;
  for (const [at, effect] of undisturbed.effects.entries())
    for (const when of ["before", "after"] as const) {
      const killed = await proof.run({ at, when });
      proof.assertSameTrace(undisturbed.effects, killed.effects, at + 1);
      kills++;
      const diff = difference(undisturbed.world, killed.world);
      if (diff !== "") throw new UnsafeTaskError(proof.name, effect, undisturbed.effects[at - 1], when, diff);
    }
  return { ...undisturbed, kills };
}

interface RunResult {
  /** Of the first run; a killed one's end with where it was killed. */
  readonly effects: readonly Effect[];
  readonly world: unknown;
}

class Proof {
  readonly #task: AnyRunnableTask;
  /** Runs on after a kill. */
  readonly #next: AnyRunnableTask;
  readonly #payload: unknown;
  readonly #options: InterruptOptions;
  readonly #taskmaster: Taskmaster;
  readonly #database: Database;

  constructor(
    task: AnyRunnableTask,
    next: AnyRunnableTask,
    payload: unknown,
    options: InterruptOptions,
    taskmaster: Taskmaster,
    database: Database,
  ) {
    this.#task = task;
    this.#next = next;
    this.#payload = payload;
    this.#options = options;
    this.#taskmaster = taskmaster;
    this.#database = database;
  }

  get name(): string {
    return this.#task.name;
  }

  /** The same between two releases: the first is killed, the second runs on. */
  between(task: AnyRunnableTask, next: AnyRunnableTask): Proof {
    return new Proof(task, next, this.#payload, this.#options, this.#taskmaster, this.#database);
  }

  /** Runs a job to its end, killed at most once. */
  async run(kill?: Kill): Promise<RunResult> {
    const { reset, snapshot, events = {} } = this.#options;
    await reset?.();
    const since = await databaseTime(this.#database);
    const { id } = await this.#taskmaster.enqueue(this.#task as never, this.#payload as never);
    for (const [event, value] of Object.entries(events)) await this.#taskmaster.signal(event, value);
    const effects: Effect[] = [];
    let task = this.#task;
    let worker = await this.#hire(task);
    for (let attempts = 1; ; attempts++) {
      if (attempts > mostAttempts)
        throw new UnstableTaskError(
          `${this.name} has not ended after ${mostAttempts} attempts.`,
          effects.at(-1)?.where ?? "",
        );
      const left = kill && effects.length <= kill.at ? { ...kill, at: kill.at - effects.length } : undefined;
      const tracked = new TrackedRun(left);
      const held = await worker.claim();
      if (held?.id !== id)
        throw new UnstableTaskError(
          `Job ${id} of ${this.name} cannot be run: another worker of this database has taken it, or another job of the task stands before it.`,
          "",
        );
      const outcome = await worker.attempt(held, tracked);
      if (!kill || effects.length <= kill.at) effects.push(...tracked.effects);
      if (outcome === undefined) {
        await worker.die();
        task = this.#next;
        worker = await this.#hire(task);
      }
      const [job] = await findJobs(this.#database, { ids: [id] }, 1);
      if (job?.state === "succeeded" || (job && ["failed", "held", "cancelled"].includes(job.state))) {
        await worker.stop();
        return {
          effects,
          world: {
            end: endOf(job),
            children: await childrenSince(this.#database, since, id),
            snapshot: await snapshot(),
          },
        };
      }
      await letTimePass(this.#database, id);
    }
  }

  #hire(task: AnyRunnableTask): Promise<SteppingWorker> {
    const release = task === this.#task ? "interrupt-anywhere" : "interrupt-anywhere: across";
    return SteppingWorker.start(this.#database, [task], release);
  }

  /** @throws {UnstableTaskError} where the first effects of two runs differ */
  assertSameTrace(one: readonly Effect[], other: readonly Effect[], upTo: number): void {
    for (let at = 0; at < upTo; at++) {
      const [a, b] = [one[at], other[at]];
      if (isDeepStrictEqual(a, b)) continue;
      const tell = (effect: Effect | undefined) =>
        effect ? `${effect.kind} "${effect.what}" (${effect.where})` : "nothing more";
      throw new UnstableTaskError(
        `The effects of ${this.name} differ from run to run: effect ${at + 1} was ${tell(a)}, and another time ${tell(b)}. ` +
          "A rerun cannot be answered from records that the first run did not make in the same order: let random choices, the time and the order of concurrent steps come from a step.",
        a?.where || b?.where || "",
      );
    }
  }
}

function endOf({ state, reason }: { readonly state: string; readonly reason: string | null }): string {
  return state === "succeeded" ? state : `${state}: ${reason}`;
}
