import { type BackoffMs, backoffMs, toBackoffMs } from "../../contract/backoff.ts";
import { InvalidContractError } from "../../contract/contract.ts";
import type { FoundRecord } from "../../contract/declared.ts";
import { formatMilliseconds, longestTimerMs, toMilliseconds } from "../../contract/duration.ts";
import { TaskmasterError } from "../../contract/error.ts";
import { isNonRetryable } from "../../contract/non-retryable.ts";
import { UnreadablePayloadError } from "../../contract/payload.ts";
import { fromRecorded, type RecordedText, toRecorded } from "../../contract/recorded-value.ts";
import { assertSchema, type PayloadSchema } from "../../contract/schema.ts";
import type { Step, StepOptions } from "../../contract/step.ts";
import type { Checkpoint } from "../../engine/checkpoint.ts";
import { pause } from "../../engine/database.ts";
import type { Records } from "./records.ts";

/**
 * One step: answered from its record, or run and recorded. Invariants:
 *
 * 1. What a step answers is what a rerun would be answered: the value went through its JSON text.
 * 2. A result that cannot be recorded holds the job, because a rerun would only repeat the effects.
 * 3. A step that may run once never begins a second time without a person's word.
 */

/** Why `step.signal` aborted, and what the step throws after that: its time limit has passed. */
export class StepTimeLimitError extends TaskmasterError {
  readonly code = "TASKMASTER_STEP_TIME_LIMIT";
}

/** A step's options, checked. */
export interface StepSettings {
  readonly attempts: number;
  readonly backoff: BackoffMs;
  readonly timeLimitMs: number | undefined;
  readonly once: boolean;
  readonly formerly: readonly string[];
  readonly schema: PayloadSchema | undefined;
}

const plain: StepSettings = {
  attempts: 1,
  backoff: toBackoffMs(undefined),
  timeLimitMs: undefined,
  once: false,
  formerly: [],
  schema: undefined,
};

/** @throws {InvalidContractError} */
export function stepSettings(
  name: string,
  options: (StepOptions & { readonly schema?: PayloadSchema }) | undefined,
  declared: FoundRecord | undefined,
): StepSettings {
  if (options === undefined && declared === undefined) return plain;
  const { attempts = 1, backoff, timeLimit, once = false, formerly = declared?.formerly ?? [] } = options ?? {};
  const schema = options?.schema ?? declared?.schema;
  if (!Number.isInteger(attempts) || attempts < 1 || attempts > 1_000)
    throw new InvalidContractError(`attempts of step "${name}" is ${attempts}: write a whole number from 1 to 1000.`);
  if (once && attempts > 1)
    throw new InvalidContractError(`Step "${name}" may run once and has ${attempts} attempts: leave one of them out.`);
  if (schema !== undefined) assertSchema(schema, `The result of step "${name}"`);
  return {
    attempts,
    backoff: toBackoffMs(backoff),
    timeLimitMs: timeLimit === undefined ? undefined : toMilliseconds(timeLimit, `timeLimit of step "${name}"`),
    once,
    formerly: typeof formerly === "string" ? [formerly] : formerly,
    schema,
  };
}

export async function runStep(
  records: Records,
  name: string,
  settings: StepSettings,
  run: (step: Step) => unknown,
): Promise<unknown> {
  records.assertGoingOn();
  records.name(name, "a step");
  const known = await records.find(name, settings.formerly);
  if (known && known.kind !== "begun") return answer(records, name, known, settings.schema);
  if (settings.once) await begin(records, name, known);
  records.assertGoingOn(); // what was asked for meanwhile may have taken its time
  const result = await runTries(records, name, settings, run).catch((error: unknown) => {
    throw settings.once && !records.host.stopped ? unclear(records, name, error) : error;
  });
  const recorded = await record(records, name, result, settings.schema);
  await records.write({ name, kind: settings.once ? "once" : "step", seq: settings.once ? 2 : 1, ...recorded });
  return answer(records, name, recorded, settings.schema);
}

/** A recorded result, as its reader expects it. */
export async function answer(
  records: Records,
  name: string,
  checkpoint: RecordedText & Partial<Checkpoint>,
  schema: PayloadSchema | undefined,
): Promise<unknown> {
  try {
    return await fromRecorded(checkpoint, schema, records.describe(`the result of step "${name}"`));
  } catch (error) {
    if (!(error instanceof UnreadablePayloadError)) throw error;
    throw records.hold("unreadable-checkpoint", error.message, error);
  }
}

/** The text of a result. @throws {JobHeldError} where it has none */
export async function record(
  records: Records,
  name: string,
  result: unknown,
  schema: PayloadSchema | undefined,
): Promise<RecordedText> {
  try {
    return await toRecorded(result, schema, records.describe(`the result of step "${name}"`));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw records.hold(
      "unrecordable-result",
      `${why} The step has run, so the job is held instead of running it again. When its code is mended: npx taskmaster jobs retry ${records.host.job.id}`,
      error,
    );
  }
}

async function begin(records: Records, name: string, known: Checkpoint | undefined): Promise<void> {
  if (known)
    throw unclear(records, name, new Error("Its attempt ended before it did: the worker died, left, or was cut off."));
  const others = await records.unclaimedOnce();
  if (others.length > 0)
    throw records.hold(
      "step-renamed",
      `Step "${name}" of ${records.host.job.task.contract.name} may run once and has no record, but there is one of ${others.map((other) => `"${other}"`).join(", ")}, which this release has not come to. ` +
        `If it is the same step, say so: { once: true, formerly: ${JSON.stringify(others[0])} }, and give the job back: npx taskmaster jobs retry ${records.host.job.id}`,
    );
  await records.write({ name, kind: "begun", seq: 1, revision: null, value: null, older: null });
}

function unclear(records: Records, name: string, cause: unknown): Error {
  const { id } = records.host.job;
  const why = cause instanceof Error ? cause.message : String(cause);
  return records.hold(
    "unclear-step",
    `Step "${name}" may run once, has begun, and nobody knows how far it came: ${why} ` +
      `Run it again with: npx taskmaster jobs retry ${id}; or give the job up: npx taskmaster jobs cancel ${id}`,
    cause,
  );
}

/** Calls the function until it succeeds, as often as the step may be tried. */
export async function runTries(
  records: Records,
  name: string,
  settings: StepSettings,
  run: (step: Step) => unknown,
): Promise<unknown> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await tryOnce(records, name, settings, attempt, run);
    } catch (error) {
      if (attempt >= settings.attempts || isNonRetryable(error) || records.host.stopped) throw error;
      await pause(backoffMs(settings.backoff, attempt), records.host.signal);
      records.assertGoingOn();
    }
  }
}

async function tryOnce(
  records: Records,
  name: string,
  settings: StepSettings,
  attempt: number,
  run: (step: Step) => unknown,
): Promise<unknown> {
  const { timeLimitMs } = settings;
  if (timeLimitMs === undefined || timeLimitMs > longestTimerMs)
    return run(new StepInfo(records, name, settings, attempt, undefined));
  const limit = new AbortController();
  const error = new StepTimeLimitError(
    `Step "${name}" of ${records.host.job.task.contract.name} has run for longer than its time limit of ${formatMilliseconds(timeLimitMs)}.`,
  );
  const timer = setTimeout(() => limit.abort(error), timeLimitMs);
  try {
    // Waited for although the time is over: what still runs must not run beside its own retry.
    return await run(new StepInfo(records, name, settings, attempt, limit.signal));
  } catch (thrown) {
    throw limit.signal.aborted ? error : thrown;
  } finally {
    clearTimeout(timer);
  }
}

/** What a step's function is told, made where it asks. */
class StepInfo implements Step {
  readonly attempt: number;
  readonly #records: Records;
  readonly #name: string;
  readonly #settings: StepSettings;
  readonly #limit: AbortSignal | undefined;
  #signal: AbortSignal | undefined;

  constructor(records: Records, name: string, settings: StepSettings, attempt: number, limit: AbortSignal | undefined) {
    this.#records = records;
    this.#name = name;
    this.#settings = settings;
    this.attempt = attempt;
    this.#limit = limit;
  }

  get key(): string {
    return this.#records.keyOf(this.#settings.formerly.at(-1) ?? this.#name); // a renamed step keeps its key
  }

  get signal(): AbortSignal {
    this.#signal ??= this.#makeSignal();
    return this.#signal;
  }

  /** A step that may run once is let finish while the grace time lasts: cut off, it would need a person. */
  #makeSignal(): AbortSignal {
    if (this.#settings.once) return this.#limit ?? new AbortController().signal;
    const { signal } = this.#records.host;
    return this.#limit ? AbortSignal.any([signal, this.#limit]) : signal;
  }
}
