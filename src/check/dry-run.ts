import { type Contract, currentRevision, type Revision, readable, revisionAt } from "../contract/contract.ts";
import { type Readable, renditionFor } from "../contract/range.ts";
import { type Validation, validate } from "../contract/schema.ts";

/** Runs stored payloads through a task's upgrades and validator, as a worker would before it calls the function; and no further. */

/** What a job's task and revision came to. */
export interface DryRunCount {
  readonly task: string;
  /** The revision that its producer wrote. */
  readonly revision: number;
  jobs: number;
  failing: number;
  /** By reason, in the order in which they were met; the first few. */
  readonly problems: Map<string, DryRunProblem>;
}

export interface DryRunProblem {
  jobs: number;
  /** The first one's number, or the name of a schedule. */
  readonly first: string;
}

/** How payloads of a lane are read. */
export interface LaneReader {
  readonly task: string;
  readonly contract: Contract;
  /** The revision whose rendition is taken. */
  readonly rendition: number;
  readonly max: number;
}

/** Undefined where the code cannot read it. */
export function laneReader(
  contract: Contract,
  { task, min, max }: { readonly task: string; readonly min: number; readonly max: number },
): LaneReader | undefined {
  const reads: Readable = readable(contract);
  const rendition = renditionFor(reads, { min, max });
  return rendition === undefined ? undefined : { task, contract, rendition, max };
}

/** Reasons that are kept apart; a validator that puts values into its messages would make a million of them. */
const mostReasons = 20;

export class DryRun {
  readonly #counts = new Map<string, DryRunCount>();

  get counts(): readonly DryRunCount[] {
    return [...this.#counts.values()];
  }

  /** @param nameAt names the payload at an index: asked for those alone that fail */
  async add(reader: LaneReader, payloads: readonly unknown[], nameAt: (index: number) => string): Promise<void> {
    const count = this.#countOf(reader);
    const read = readerOf(reader);
    count.jobs += payloads.length;
    for (let index = 0; index < payloads.length; index++) {
      const found = read(payloads[index]);
      const reason = found instanceof Promise ? await found : found;
      if (reason !== undefined) note(count, reason, () => nameAt(index));
    }
  }

  #countOf({ task, max }: LaneReader): DryRunCount {
    const key = `${task} ${max}`;
    const known = this.#counts.get(key);
    if (known) return known;
    const made: DryRunCount = { task, revision: max, jobs: 0, failing: 0, problems: new Map() };
    this.#counts.set(key, made);
    return made;
  }
}

function note(count: DryRunCount, reason: string, name: () => string): void {
  count.failing += 1;
  const kept = count.problems.has(reason) || count.problems.size < mostReasons ? reason : "for other reasons";
  const problem = count.problems.get(kept);
  if (problem) problem.jobs += 1;
  else count.problems.set(kept, { jobs: 1, first: name() });
}

type Reason = string | undefined;

/** Synchronous wherever the conversions and the validator are: a promise for each of a million payloads would take most of the time. */
function readerOf({ contract, rendition }: LaneReader): (payload: unknown) => Reason | Promise<Reason> {
  const current = currentRevision(contract);
  const upgrades: Revision[] = [];
  for (let number = rendition + 1; number <= current.number; number++) {
    const revision = revisionAt(contract, number);
    if (revision !== undefined) upgrades.push(revision);
  }
  const check = (payload: unknown): Reason | Promise<Reason> => {
    try {
      const result = validate(current.schema, payload);
      return result instanceof Promise
        ? result.then((validation) => reasonOf(validation, payload), validatorThrew)
        : reasonOf(result, payload);
    } catch (error) {
      return validatorThrew(error);
    }
  };
  const upgradeFrom = (step: number, payload: unknown): Reason | Promise<Reason> => {
    let upgraded = payload;
    for (let index = step; index < upgrades.length; index++) {
      const { number, upgrade } = upgrades[index] as Revision;
      const threw = (error: unknown) => `the upgrade to revision ${number} throws: ${messageOf(error)}`;
      try {
        const result = upgrade?.(upgraded);
        if (result instanceof Promise) return result.then((value) => upgradeFrom(index + 1, value), threw);
        upgraded = result;
      } catch (error) {
        return threw(error);
      }
    }
    return check(upgraded);
  };
  return (payload) => upgradeFrom(0, payload);
}

function validatorThrew(error: unknown): string {
  return `the validator throws: ${messageOf(error)}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function reasonOf(result: Validation, payload: unknown): Reason {
  if (result.ok) return;
  const reasons = result.issues.slice(0, 3).map(({ path, message }) => {
    const told = withoutValue(message);
    if (path === "") return told;
    return isMissing(payload, path) ? `\`${path}\` is missing` : `\`${path}\`: ${told}`;
  });
  const more = result.issues.length - reasons.length;
  return `${reasons.join("; ")}${more > 0 ? `; and ${more} more` : ""}`;
}

/** Some libraries repeat the value that they refuse. Values of production's payloads are nobody's business here, and would make each reason another. */
function withoutValue(message: string): string {
  return message.replace(/ \(was [\s\S]*\)$/, "").replace(/ but received [\s\S]*$/, "");
}

/** Whether a payload has nothing where an issue is, and has what it would be in. */
function isMissing(payload: unknown, path: string): boolean {
  const keys = path.split(/[.[\]]+/).filter((key) => key !== "");
  const last = keys.pop() ?? "";
  const parent = keys.reduce<unknown>((at, key) => (isObject(at) ? at[key] : undefined), payload);
  return isObject(parent) && parent[last] === undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
