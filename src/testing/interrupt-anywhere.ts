import { Taskmaster } from "../client/taskmaster.ts";
import { withLinks } from "../contract/chain.ts";
import type { AnyRunnableTask, InputOf } from "../contract/task.ts";
import { Database } from "../engine/database.ts";
import { locateDatabase } from "../process/locate.ts";
import { difference, placesOfDifference } from "./difference.ts";
import { handHere } from "./hand.ts";
import { ProcessHands } from "./process-hand.ts";
import {
  assertEnd,
  assertKilled,
  assertSameTrace,
  isRerunnable,
  type ProofParts,
  type ProvableEnd,
  type RunEffect,
  runOnce,
} from "./proof.ts";
import type { Effect } from "./tracked-run.ts";
import { UnsafeTaskError, UnstableTaskError } from "./unsafe-task.ts";
import { unstableSnapshot } from "./unstable-snapshot.ts";
import { isIncidental } from "./watch-sockets.ts";
import { watchAll } from "./watches.ts";

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
  /** How the job is meant to end. A run that ends otherwise proves nothing, and is told. Default `"succeeded"`. */
  readonly end?: ProvableEnd;
  /**
   * The same task as another release has it: killed in the one and run to its end by the other, both ways, a deploy and a rollback. What
   * is left then must be what an undisturbed run of either leaves.
   */
  readonly across?: AnyRunnableTask;
  /**
   * `"process"` runs the task in a process of its own, which is really killed (`kill -9`); it needs `module`. Default `"run"`: the run is cut off
   * within this process, which is a hundred times quicker.
   */
  readonly kill?: "run" | "process";
  /** For `kill: "process"`: the file that exports the task, TypeScript as it stands or JavaScript. `new URL("./tasks.ts", import.meta.url)`, or a path. */
  readonly module?: string | URL;
  /** The same of the task that `across` names. */
  readonly acrossModule?: string | URL;
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

/**
 * Proves that a task may be interrupted anywhere, or tells the first line where it may not.
 *
 * A chain is run to the end of its last link, and killed in each link that may be interrupted.
 *
 * Effects are found at their drivers, without a change of the task: SQL through `pg` (a transaction counts as one), Redis commands through
 * `ioredis` and `redis`, requests by `fetch`, `node:http` and `undici`, changes of files, steps, enqueues and signals. A killed run never settles,
 * loses its connections, and does nothing more.
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
 * @throws {UnstableTaskError} where the effects differ from run to run, or nothing can be proved
 */
export async function interruptAnywhere<T extends AnyRunnableTask>(
  task: T,
  payload: InputOf<T>,
  options: InterruptOptions,
): Promise<InterruptReport> {
  if (!withLinks([task]).some(isRerunnable))
    throw new UnstableTaskError(
      `${task.name} is a short task: it is never interrupted, and a crash holds its job. Declare afterCrash: "retry", or make it .interruptible().`,
      "",
    );
  const located = await locateDatabase(options.database);
  const taskmaster = new Taskmaster({ database: located.url, tasks: [task], release: "interrupt-anywhere" });
  await taskmaster.start();
  const database = new Database({ url: located.url });
  const processes = options.kill === "process" ? new ProcessHands(database) : undefined;
  const unwatch = processes ? () => {} : await watchAll();
  const { across, snapshot, reset, events = {}, end = "succeeded" } = options;
  const hire = (release: AnyRunnableTask) => {
    const name = release === task ? "interrupt-anywhere" : "interrupt-anywhere: across";
    if (processes === undefined) return handHere(database, release, name);
    return processes.hire(release, name, release === task ? options.module : options.acrossModule);
  };
  const between = (from: AnyRunnableTask, into: AnyRunnableTask): ProofParts => ({
    ...{ task: from, payload, snapshot, reset, events, taskmaster, database },
    hire: (which) => hire(which === "killed" ? from : into),
  });
  try {
    const undisturbed = await prove(between(task, task), end);
    let { kills } = undisturbed;
    if (across !== undefined) {
      const both = [undisturbed, await prove(between(across, across), end)];
      kills += await proveAcross(between(task, across), undisturbed.effects, both);
      kills += await proveAcross(between(across, task), both[1]?.effects ?? [], both);
    }
    return { effects: undisturbed.effects.map(({ kind, what, where }) => ({ kind, what, where })), kills };
  } finally {
    unwatch();
    await processes?.stop();
    await taskmaster.stop();
    await database.end();
    await located.leave();
  }
}

interface Undisturbed {
  readonly effects: readonly RunEffect[];
  readonly world: unknown;
  readonly kills: number;
}

async function prove(parts: ProofParts, end: ProvableEnd): Promise<Undisturbed> {
  const { name } = parts.task;
  const undisturbed = await runOnce(parts);
  assertEnd(name, undisturbed, end);
  const again = await runOnce(parts);
  assertSameTrace(name, undisturbed.effects, again.effects, true);
  // What is another each time cannot be compared; the rest may tell the line even so, before it is refused.
  const unstable = placesOfDifference(undisturbed.world, again.world);
  let kills = 0;
  let vague: UnsafeTaskError | undefined;
  for (const [at, effect] of undisturbed.effects.entries())
    for (const when of ["before", "after"] as const) {
      if (!effect.interruptible) continue;
      if (vague && effect.alone) throw vague;
      const killed = await runOnce(parts, { key: effect.key, when });
      assertSameTrace(name, undisturbed.effects, killed.effects, false);
      if (!killed.killed && isIncidental(effect)) continue;
      assertKilled(name, effect, killed);
      kills++;
      const diff = difference(undisturbed.world, killed.world, unstable);
      if (diff === "") continue;
      const error = new UnsafeTaskError(effect.task, effect, undisturbed.effects[at - 1], when, diff);
      // Of several effects beside each other, the one is told that makes the difference by itself.
      if (effect.alone || (when === "after" && effect.kind !== "step")) throw error;
      vague ??= error;
    }
  if (vague) throw vague;
  if (unstable.size > 0) throw await unstableSnapshot(parts, undisturbed, again);
  return { ...undisturbed, kills };
}

/** Kills in the one release and goes on in the other. Answers how often. */
async function proveAcross(
  parts: ProofParts,
  effects: readonly RunEffect[],
  undisturbed: readonly Undisturbed[],
): Promise<number> {
  let kills = 0;
  for (const [at, effect] of effects.entries())
    for (const when of ["before", "after"] as const) {
      if (!effect.interruptible) continue;
      const killed = await runOnce(parts, { key: effect.key, when });
      kills++;
      const differences = undisturbed.map(({ world }) => difference(world, killed.world));
      if (differences.includes("")) continue;
      const name = `${effect.task} (across releases)`;
      throw new UnsafeTaskError(name, effect, effects[at - 1], when, differences[0] ?? "");
    }
  return kills;
}
