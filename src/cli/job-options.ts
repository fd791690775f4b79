import type { Command } from "commander";
import { InvalidDurationError, toMilliseconds } from "../contract/duration.ts";
import { type JobFilter, type JobState, jobStates } from "../engine/jobs.ts";
import { UsageError } from "./failure.ts";
import { toInstant } from "./instant.ts";
import { didYouMean } from "./nearest.ts";

/** The filters that all commands about jobs share. */
export interface JobOptions {
  readonly task?: string;
  readonly chain?: string;
  readonly revision?: string;
  readonly queue?: string;
  readonly state?: readonly string[];
  readonly error?: string;
  readonly since?: string;
  readonly until?: string;
}

export function collect(value: string, previous: readonly string[] = []): string[] {
  return [...previous, ...value.split(",")];
}

export function withFilters(command: Command): Command {
  return command
    .option("--task <name>", "of this task")
    .option("--chain <job>", "links of the chain to which this job belongs")
    .option("--revision <number>", "stored at this revision")
    .option("--queue <name>", "in this queue")
    .option("--state <state>", `in this state (${jobStates.join(", ")}); may be repeated`, collect)
    .option("--error <text>", "whose reason or error contains this text")
    .option("--since <time>", 'enqueued or ended since then: "2h", "3 days" ago, or an ISO time')
    .option("--until <time>", "enqueued or ended before then");
}

/** @throws {UsageError} */
export function toFilter(options: JobOptions, ids: readonly string[] = []): JobFilter {
  for (const id of [...ids, ...(options.chain === undefined ? [] : [options.chain])])
    if (!/^\d{1,18}$/.test(id)) throw new UsageError(`${id} is no job's number: a number is digits, such as 4711.`);
  const revision = options.revision === undefined ? undefined : Number(options.revision);
  if (revision !== undefined && !Number.isInteger(revision))
    throw new UsageError(`--revision ${options.revision} is no number.`);
  return {
    ids: ids.length > 0 ? ids : undefined,
    chain: options.chain,
    task: options.task,
    revision,
    queue: options.queue,
    states: options.state?.map(toState),
    error: options.error,
    since: options.since === undefined ? undefined : toTime(options.since, "--since"),
    until: options.until === undefined ? undefined : toTime(options.until, "--until"),
  };
}

/** Whether a filter takes everything: too much for a change without a word. */
export function takesAll(filter: JobFilter): boolean {
  return Object.values(filter).every((value) => value === undefined);
}

function toState(text: string): JobState {
  const state = jobStates.find((known) => known === text);
  if (state === undefined)
    throw new UsageError(`There is no state ${text}.${didYouMean(text, jobStates)} States: ${jobStates.join(", ")}.`);
  return state;
}

/** A time as people write it: a duration that has passed since, or an ISO time. */
function toTime(text: string, option: string): Date {
  const at = /^\d{4}-/.test(text) ? toInstant(text) : ago(text, option);
  if (Number.isNaN(at.getTime()))
    throw new UsageError(`${option} ${text} is no time: write "2h", "3 days", or "2026-12-01T08:00".`);
  return at;
}

function ago(text: string, option: string): Date {
  try {
    return new Date(Date.now() - toMilliseconds(text, option));
  } catch (error) {
    throw error instanceof InvalidDurationError
      ? new UsageError(`${option} ${text} is no time: write "2h", "3 days", or "2026-12-01T08:00".`)
      : error;
  }
}
