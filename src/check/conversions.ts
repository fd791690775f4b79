import { type Conversion, type Revision, revisionAt } from "../contract/contract.ts";
import { type PayloadSchema, type Validation, validate } from "../contract/schema.ts";
import type { CheckedTask } from "./checked-task.ts";
import type { LockedTask } from "./lockfile.ts";
import { payloadsOf } from "./payloads.ts";

/** What an upgrade or a downgrade did to generated payloads. */
export interface Trial {
  readonly direction: "upgrade" | "downgrade";
  /** The revision that it belongs to: `from` and `to` are this one and the one before, or the other way round. */
  readonly revision: number;
  readonly from: number;
  readonly to: number;
  readonly tried: number;
  readonly failures: readonly TrialFailure[];
}

export interface TrialFailure {
  readonly payload: unknown;
  readonly problem: string;
}

/**
 * Tries every upgrade and downgrade of a task on payloads that are generated from the schema which they start from: as the
 * code has it and, where the lockfile has another, as it was released.
 */
export async function tryConversions({ contract, locked }: CheckedTask, released?: LockedTask): Promise<Trial[]> {
  const trials: Trial[] = [];
  for (const revision of contract.revisions) {
    const before = revisionAt(contract, revision.number - 1);
    if (before === undefined) continue;
    const { upgrade, downgrade } = revision;
    if (upgrade !== undefined) {
      const payloads = payloadsAt(before, locked, released);
      trials.push(await tryConversion(upgrade, payloads, before, revision, "upgrade"));
    }
    if (downgrade !== undefined) {
      const payloads = payloadsAt(revision, locked);
      trials.push(await tryConversion(downgrade, payloads, revision, before, "downgrade"));
    }
  }
  return trials;
}

/** A schema in the middle of a chain is what one upgrade ends with and another begins with. */
const made = new WeakMap<object, readonly unknown[]>();

function payloadsAt({ number }: Revision, locked: LockedTask, released?: LockedTask): readonly unknown[] {
  const [now, then] = [locked.revisions[number]?.schema, released?.revisions[number]?.schema];
  if (typeof now !== "object") return [];
  const payloads = made.get(now) ?? payloadsOf(now);
  made.set(now, payloads);
  return then === undefined || JSON.stringify(then) === JSON.stringify(now)
    ? payloads
    : [...payloads, ...payloadsOf(then)];
}

async function tryConversion(
  convert: Conversion,
  payloads: readonly unknown[],
  from: Revision,
  to: Revision,
  direction: Trial["direction"],
): Promise<Trial> {
  const failures: TrialFailure[] = [];
  let tried = 0;
  for (const payload of payloads) {
    // A schema says less than its validator: what the validator refuses is not in any queue.
    if (!(await isTaken(from.schema, payload))) continue;
    tried += 1;
    const problem = await problemOf(convert, from.prune(structuredClone(payload)), to);
    if (problem !== undefined) failures.push({ payload, problem });
  }
  return { direction, revision: Math.max(from.number, to.number), from: from.number, to: to.number, tried, failures };
}

async function isTaken(schema: PayloadSchema, payload: unknown): Promise<boolean> {
  try {
    return (await validate(schema, payload)).ok;
  } catch {
    return false;
  }
}

async function problemOf(convert: Conversion, payload: unknown, to: Revision): Promise<string | undefined> {
  let converted: unknown;
  try {
    const result = convert(payload);
    converted = result instanceof Promise ? await result : result;
  } catch (error) {
    return `it throws: ${error instanceof Error ? error.message : String(error)}`;
  }
  const text = JSON.stringify(converted);
  if (text === undefined) return "it returns nothing that is JSON";
  let result: Validation;
  try {
    result = await validate(to.schema, JSON.parse(text));
  } catch (error) {
    return `the validator of revision ${to.number} throws at what it returns: ${error instanceof Error ? error.message : String(error)}`;
  }
  if (result.ok) return;
  const [issue] = result.issues;
  return `revision ${to.number} refuses what it returns: ${issue?.path ? `\`${issue.path}\`: ` : ""}${issue?.message ?? ""}`;
}
