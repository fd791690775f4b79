import { type Contract, type Conversion, currentRevision, type Revision, revisionAt } from "../contract/contract.ts";
import type { JsonSchema } from "../contract/json-schema.ts";
import { type Validation, validate } from "../contract/schema.ts";
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

/** Payloads for what is new or has changed, and for what is as it was released. */
const many = 16;
const few = 4;

/**
 * Tries every upgrade and downgrade of a task on payloads that are generated from the schema which they start from: as the
 * code has it and, where the lockfile has another, as it was released.
 *
 * @param unchanged the revisions whose schema is as it was released
 */
export async function tryConversions(
  { contract, locked }: CheckedTask,
  unchanged: ReadonlySet<number>,
  released?: LockedTask,
): Promise<Trial[]> {
  const trials: Trial[] = [];
  const made = new Map<number, readonly string[]>();
  const schemasAt = (number: number): JsonSchema[] =>
    [locked, unchanged.has(number) ? undefined : released]
      .map((task) => task?.revisions[number]?.schema)
      .filter((schema) => schema !== undefined);
  const payloadsAt = async (revision: Revision, count: number) => {
    const payloads =
      made.get(revision.number) ??
      (await takenPayloads(
        revision,
        schemasAt(revision.number).flatMap((schema) => generate(schema, count)),
      ));
    made.set(revision.number, payloads);
    return payloads;
  };
  // As a worker does it: through the whole chain, and validated at its end. Only where that fails is it asked which upgrade it was.
  const asReleased = contract.revisions.every(({ number }) => unchanged.has(number));
  const upgradesHold =
    asReleased && (await chainHolds(contract, (number) => generate(locked.revisions[number]?.schema ?? true, few)));
  // And as a producer does it: from the current revision down, and validated at each.
  const downgradesHold =
    asReleased && (await renditionsHold(contract, await payloadsAt(currentRevision(contract), few)));
  for (const revision of contract.revisions) {
    const before = revisionAt(contract, revision.number - 1);
    if (before === undefined) continue;
    const same = [before, revision].every(({ number }) => unchanged.has(number));
    const count = same ? few : many;
    const { upgrade, downgrade } = revision;
    if (upgrade !== undefined && !upgradesHold)
      trials.push(await tryConversion(upgrade, await payloadsAt(before, count), before, revision, "upgrade"));
    if (downgrade !== undefined && !downgradesHold)
      trials.push(await tryConversion(downgrade, await payloadsAt(revision, count), revision, before, "downgrade"));
  }
  return trials;
}

/** By the text of the schema: many tasks have a payload of the same form. */
const generated = new Map<string, readonly string[]>();

function generate(schema: JsonSchema, count: number): readonly string[] {
  const key = `${count} ${JSON.stringify(schema)}`;
  const known = generated.get(key);
  if (known) return known;
  const texts = payloadsOf(schema, count).map((payload) => JSON.stringify(payload));
  generated.set(key, texts);
  return texts;
}

/** Whether payloads of every older revision reach the current one, and fit it. */
async function chainHolds(contract: Contract, payloadsAt: (number: number) => readonly string[]): Promise<boolean> {
  const current = currentRevision(contract);
  for (const { number } of contract.revisions.slice(0, -1)) {
    const upgrades = contract.revisions.filter((later) => later.number > number);
    for (const text of payloadsAt(number)) {
      try {
        let upgraded: unknown = JSON.parse(text);
        for (const { upgrade } of upgrades) {
          const result = upgrade?.(upgraded);
          upgraded = result instanceof Promise ? await result : result;
        }
        const result = validate(current.schema, upgraded);
        if (!(result instanceof Promise ? await result : result).ok) return false;
      } catch {
        return false;
      }
    }
  }
  return true;
}

/** Whether payloads of the current revision have a rendition that fits each older one which a chain of downgrades leads to. */
async function renditionsHold(contract: Contract, texts: readonly string[]): Promise<boolean> {
  for (const text of texts) {
    let payload: unknown = JSON.parse(text);
    for (let from = currentRevision(contract); from.downgrade !== undefined; ) {
      const to = revisionAt(contract, from.number - 1);
      if (to === undefined) break;
      try {
        const downgraded = from.downgrade(payload);
        payload = downgraded instanceof Promise ? await downgraded : downgraded;
        const result = validate(to.schema, payload);
        if (!(result instanceof Promise ? await result : result).ok) return false;
      } catch {
        return false;
      }
      from = to;
    }
  }
  return true;
}

/** As JSON texts: each use parses its own, because a conversion may change what it is given. */
async function takenPayloads({ schema }: Revision, texts: readonly string[]): Promise<readonly string[]> {
  const taken: string[] = [];
  for (const text of texts) {
    // A schema says less than its validator: what the validator refuses is not in any queue.
    try {
      const result = validate(schema, JSON.parse(text));
      if ((result instanceof Promise ? await result : result).ok) taken.push(text);
    } catch {
      // nor is what it throws at
    }
  }
  return taken;
}

async function tryConversion(
  convert: Conversion,
  payloads: readonly string[],
  from: Revision,
  to: Revision,
  direction: Trial["direction"],
): Promise<Trial> {
  const failures: TrialFailure[] = [];
  for (const text of payloads) {
    const found = problemOf(convert, JSON.parse(text), to);
    const problem = found instanceof Promise ? await found : found;
    if (problem !== undefined) failures.push({ payload: JSON.parse(text) as unknown, problem });
  }
  const revision = Math.max(from.number, to.number);
  return { direction, revision, from: from.number, to: to.number, tried: payloads.length, failures };
}

type Problem = string | undefined;

function problemOf(convert: Conversion, payload: unknown, to: Revision): Problem | Promise<Problem> {
  try {
    const converted = convert(payload);
    if (!(converted instanceof Promise)) return problemAt(to, converted);
    return converted.then((value) => problemAt(to, value), thrown);
  } catch (error) {
    return thrown(error);
  }
}

function thrown(error: unknown): string {
  return `it throws: ${error instanceof Error ? error.message : String(error)}`;
}

function problemAt(to: Revision, converted: unknown): Problem | Promise<Problem> {
  const refused = (result: Validation): Problem => {
    if (result.ok) return;
    const [issue] = result.issues;
    return `revision ${to.number} refuses what it returns: ${issue?.path ? `\`${issue.path}\`: ` : ""}${issue?.message ?? ""}`;
  };
  const broken = (error: unknown) =>
    `the validator of revision ${to.number} throws at what it returns: ${error instanceof Error ? error.message : String(error)}`;
  try {
    const result = validate(to.schema, converted);
    return result instanceof Promise ? result.then(refused, broken) : refused(result);
  } catch (error) {
    return broken(error);
  }
}
