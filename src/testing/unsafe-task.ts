import { TaskmasterError } from "../contract/error.ts";
import { suspectsBetween } from "./suspects.ts";
import type { Effect, Kill } from "./tracked-run.ts";

/** Thrown where a task that was killed and rerun leaves something else than an undisturbed run. */
export class UnsafeTaskError extends TaskmasterError {
  readonly code = "TASKMASTER_UNSAFE_TASK";
  /** The first line of the task that is not safe to rerun: `/app/tasks.ts:12:5`. */
  readonly where: string;
  readonly effect: Effect;
  readonly kill: Kill["when"];
  readonly difference: string;

  constructor(task: string, effect: Effect, before: Effect | undefined, kill: Kill["when"], difference: string) {
    const { where, message } =
      kill === "after" ? after(task, effect, difference) : between(task, effect, before, difference);
    super(message);
    this.where = where;
    this.effect = effect;
    this.kill = kill;
    this.difference = difference;
  }
}

function after(task: string, effect: Effect, difference: string): { where: string; message: string } {
  const message =
    `${task} is not safe to rerun from ${effect.where || "a line that the stack does not tell"} on: killed right after ${effect.kind} "${effect.what}" (done, its reply lost) and run again, it leaves something else than an undisturbed run.\n${difference}\n` +
    "Put what it does into the transaction of a step (ctx.step.tx, ctx.commit), or give whom it calls the step's key.";
  return { where: effect.where, message };
}

/** Something that no driver tells of. */
function between(
  task: string,
  effect: Effect,
  before: Effect | undefined,
  difference: string,
): { where: string; message: string } {
  const [suspect, ...others] = suspectsBetween(before, effect);
  const beginning = before ? tell(before) : "its beginning";
  const likely =
    suspect === undefined
      ? ""
      : `\n  ${suspect.where}: ${suspect.text}${others.map(({ where, text }) => `\n  ${where}: ${text}`).join("")}`;
  const message =
    `${task} is not safe to rerun: something between ${beginning} and ${tell(effect)} is done again when it is killed there and run again.${likely}\n${difference}\n` +
    "Do it within a step, or after it can be told whether it was done.";
  return { where: suspect?.where ?? (effect.where || (before?.where ?? "")), message };
}

function tell({ kind, what, where }: Effect): string {
  return `${where || "its end"} (${kind} "${what}")`;
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
