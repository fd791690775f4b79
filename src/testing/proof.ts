import type { Taskmaster } from "../client/taskmaster.ts";
import type { AnyRunnableTask, AnyTask } from "../contract/task.ts";
import type { Database } from "../engine/database.ts";
import { findJobs } from "../engine/jobs.ts";
import { cancelByHand } from "../engine/manage.ts";
import { childrenSince, databaseTime } from "./children.ts";
import type { Hand } from "./hand.ts";
import { letTimePass } from "./move-time.ts";
import { compareLists, type SeenList } from "./seen-list.ts";
import { traceDifference } from "./trace.ts";
import type { Effect, Kill, TracedEffect } from "./tracked-run.ts";
import { UnstableTaskError } from "./unsafe-task.ts";

/** Attempts of one run at most. */
const mostAttempts = 100;

/** What the runs of a proof need. */
export interface ProofParts {
  readonly task: AnyRunnableTask;
  readonly payload: unknown;
  readonly snapshot: () => unknown;
  readonly reset: (() => unknown) | undefined;
  readonly events: Readonly<Record<string, unknown>>;
  readonly taskmaster: Taskmaster;
  readonly database: Database;
  /** Somebody to run attempts, of the release that is killed or of the one that goes on. */
  readonly hire: (release: "killed" | "goes on") => Promise<Hand>;
}

export interface RunResult {
  /** Of the run until it was killed, or to its end. */
  readonly effects: readonly TracedEffect[];
  readonly killed: boolean;
  readonly end: ProvableEnd | "held" | "cancelled";
  /** Why it did not succeed. */
  readonly reason: string;
  readonly world: unknown;
}

/** How a task may be meant to end. */
export type ProvableEnd = "succeeded" | "failed";

/** Runs a job to its end, killed at most once; `onKilled` is called in between. */
export async function runOnce(parts: ProofParts, kill?: Kill, onKilled?: () => Promise<void>): Promise<RunResult> {
  const { task, payload, reset, snapshot, events, taskmaster, database } = parts;
  await reset?.();
  const since = await databaseTime(database);
  const { id } = await taskmaster.enqueue(task as AnyTask as never, payload as never);
  for (const [event, value] of Object.entries(events)) await taskmaster.signal(event, value);
  const effects: TracedEffect[] = [];
  const lists = new Map<string, SeenList>();
  let killed = false;
  let counts: readonly (readonly [string, number])[] = [];
  let hand = await parts.hire("killed");
  for (let attempts = 1; ; attempts++) {
    if (attempts > mostAttempts)
      throw new UnstableTaskError(
        `${task.name} has not ended after ${mostAttempts} attempts.`,
        effects.at(-1)?.where ?? "",
      );
    const attempt = await hand.attempt({ kill: killed ? undefined : kill, counts });
    if (attempt.job !== id)
      throw new UnstableTaskError(
        `Job ${id} of ${task.name} cannot be run: another worker of this database has taken it, or another job of the task stands before it.`,
        "",
      );
    if (!killed) effects.push(...attempt.effects);
    compareLists(task.name, lists, attempt.lists);
    counts = attempt.counts;
    if (attempt.killed) {
      killed = true;
      await onKilled?.();
      hand = await parts.hire("goes on");
    }
    const [job] = await findJobs(database, { ids: [id] }, 1);
    if (job && hasEnded(job.state)) {
      await hand.stop();
      const reason = job.reason ?? "";
      const end = job.state === "succeeded" ? job.state : `${job.state}: ${reason}`;
      const left = await childrenSince(database, since, id);
      const children = left.map(({ task, payload }) => ({ task, payload }));
      const world = { end, children, snapshot: await snapshot() };
      // One with a key would stand in the way of the next run's.
      await cancelByHand(
        database,
        left.map(({ id: child }) => child),
      );
      return { effects, killed, end: job.state, reason, world };
    }
    await letTimePass(database, id);
  }
}

function hasEnded(state: string): state is RunResult["end"] {
  return ["succeeded", "failed", "held", "cancelled"].includes(state);
}

/** @throws {UnstableTaskError} where an undisturbed run ends otherwise than the test means it to: of a task that fails at once, everything is the same after a kill */
export function assertEnd(task: string, { end, reason, effects }: RunResult, meant: ProvableEnd): void {
  if (end === meant) return;
  const otherwise: ProvableEnd = meant === "succeeded" ? "failed" : "succeeded";
  throw new UnstableTaskError(
    `An undisturbed run of ${task} ${end === "succeeded" ? "succeeds" : `does not succeed, its job is ${end}: ${reason}`}\n` +
      `Nothing is proved by a run that does not do what it should. Mend the task, its payload, events or reset${end === otherwise ? `, or say that it is meant to: { end: "${otherwise}" }` : ""}.`,
    effects.at(-1)?.where ?? "",
  );
}

/** @throws {UnstableTaskError} where two runs differ */
export function assertSameTrace(
  task: string,
  one: readonly TracedEffect[],
  other: readonly TracedEffect[],
  whole: boolean,
): void {
  const difference = traceDifference(one, other, whole);
  if (difference === undefined) return;
  throw new UnstableTaskError(
    `The effects of ${task} differ from run to run: effect ${difference.number} was ${tell(difference.one)}, and another time ${tell(difference.other)}. ` +
      "A rerun cannot be answered from records that the first run did not make in the same order: let random choices, the time and the order of concurrent steps come from a step.",
    difference.one?.where || difference.other?.where || "",
  );
}

/** @throws {UnstableTaskError} where a run that was to be killed came to its end instead */
export function assertKilled(task: string, effect: Effect, { killed }: RunResult): void {
  if (killed) return;
  throw new UnstableTaskError(
    `The effects of ${task} differ from run to run: ${tell(effect)} did not come another time. ` +
      "A rerun cannot be answered from records that the first run did not make: let random choices and the time come from a step.",
    effect.where,
  );
}

function tell(effect: Effect | undefined): string {
  return effect ? `${effect.kind} "${effect.what}" (${effect.where})` : "nothing more";
}
