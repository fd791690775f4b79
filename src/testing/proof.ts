import type { Taskmaster } from "../client/taskmaster.ts";
import { withLinks } from "../contract/chain.ts";
import { rerunnable } from "../contract/execution.ts";
import { type AnyRunnableTask, type AnyTask, executionOf } from "../contract/task.ts";
import { jobsOfChain } from "../engine/chain-links.ts";
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

/** An effect of a run, and in which task: of a chain it is a link. */
export interface RunEffect extends TracedEffect {
  readonly task: string;
  /** It may be interrupted there: a short task never is, and a crash holds its job. */
  readonly interruptible: boolean;
}

export interface RunResult {
  /** Of the run until it was killed, or to its end. */
  readonly effects: readonly RunEffect[];
  readonly killed: boolean;
  readonly end: ProvableEnd | "held" | "cancelled";
  /** Why it did not succeed. */
  readonly reason: string;
  readonly world: unknown;
}

/** How a task may be meant to end. */
export type ProvableEnd = "succeeded" | "failed";

/** Runs a job to its end, or a chain's to that of its last link, killed at most once; `onKilled` is called in between. */
export async function runOnce(parts: ProofParts, kill?: Kill, onKilled?: () => Promise<void>): Promise<RunResult> {
  const { task, payload, reset, snapshot, events, taskmaster, database } = parts;
  await reset?.();
  const since = await databaseTime(database);
  let { id } = await taskmaster.enqueue(task as AnyTask as never, payload as never);
  for (const [event, value] of Object.entries(events)) await taskmaster.signal(event, value);
  const interruptible = new Set(
    withLinks([task])
      .filter(isRerunnable)
      .map(({ name }) => name),
  );
  const effects: RunEffect[] = [];
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
    const which = { task: attempt.task, interruptible: interruptible.has(attempt.task) };
    if (!killed) effects.push(...attempt.effects.map((effect) => ({ ...effect, ...which })));
    compareLists(task.name, lists, attempt.lists);
    counts = attempt.counts;
    if (attempt.killed) {
      killed = true;
      await onKilled?.();
      hand = await parts.hire("goes on");
    }
    const [job] = await findJobs(database, { ids: [id] }, 1);
    if (job && hasEnded(job.state)) {
      const chain = await jobsOfChain(database, id);
      const next = chain[chain.indexOf(id) + 1];
      if (next !== undefined) {
        id = next;
        lists.clear();
        continue;
      }
      await hand.stop();
      const reason = job.reason ?? "";
      const end = job.state === "succeeded" ? job.state : `${job.state}: ${reason}`;
      const left = await childrenSince(database, since, chain);
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

/** Whether it may be interrupted and run again. */
export function isRerunnable(task: AnyRunnableTask): boolean {
  return rerunnable(executionOf(task));
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
