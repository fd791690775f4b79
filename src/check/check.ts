import { definitionOf, type Schedule } from "../contract/schedule.ts";
import type { AnyTask } from "../contract/task.ts";
import { standingAcceptances, withAcceptance } from "./acceptance.ts";
import { chainFindings } from "./chain-findings.ts";
import { type CheckedTask, checkedTasks, lockfileOf } from "./checked-task.ts";
import { conversionFindings } from "./conversion-findings.ts";
import { tryConversions } from "./conversions.ts";
import { executionFindings } from "./execution-findings.ts";
import { type Finding, isBreaking } from "./finding.ts";
import { libraryFindings, movedLibraries } from "./library-findings.ts";
import type { LockedTask, Lockfile } from "./lockfile.ts";
import { payloadFindings } from "./payload-findings.ts";
import { isSameText } from "./same-text.ts";
import { scheduleFindings } from "./schedule-findings.ts";
import {
  addedFinding,
  deletedFinding,
  formerNameDroppedFinding,
  renamedFinding,
  retiredFinding,
} from "./task-findings.ts";

export interface CheckOptions {
  readonly tasks: readonly AnyTask[];
  readonly schedules?: readonly Schedule[];
  /** What the code is held against. */
  readonly base: Lockfile;
  /** The lockfile beside the code, whose acceptances count. Default: none. */
  readonly present?: Lockfile | undefined;
  /** From where the versions of schema libraries are found. Default: the working directory. */
  readonly folder?: string;
}

export interface Report {
  /** The breaking ones first, then by task. */
  readonly findings: readonly Finding[];
  /** What the lockfile should be, for this code. */
  readonly lockfile: Lockfile;
  readonly tasks: number;
  readonly revisions: number;
}

/**
 * Holds the code's tasks against what is released: what breaks, for whom, in which part of a deploy, and what to do about it.
 * Nothing is run but validators, upgrades and downgrades.
 *
 * @throws {InvalidContractError} where two different tasks have one name
 * @throws {SchemaConversionError} where a schema cannot be written as JSON Schema
 */
export async function checkTasks(options: CheckOptions): Promise<Report> {
  const { tasks, schedules = [], base, present, folder = process.cwd() } = options;
  const now = checkedTasks(tasks);
  const lockfile = lockfileOf(now, folder);
  const moved = movedLibraries(base, lockfile);
  const found: Finding[] = [];
  for (const [name, checked] of now) {
    const formerName = base.tasks[name] ? undefined : renamedFrom(checked, base, now);
    const before = base.tasks[formerName ?? name];
    found.push(...(await taskFindings(name, before, checked, moved)));
    if (before === undefined) found.push(addedFinding(name));
    if (formerName !== undefined) found.push(renamedFinding(formerName, name, checked));
  }
  found.push(...goneFindings(base, now), ...(await scheduleFindings(schedules.map(definitionOf))));
  const accepted = standingAcceptances(lockfile, present);
  return {
    findings: sortedFindings(found.map((finding) => withAcceptance(finding, accepted))),
    lockfile,
    tasks: now.size,
    revisions: [...now.values()].reduce((sum, { contract }) => sum + contract.revisions.length, 0),
  };
}

async function taskFindings(
  name: string,
  before: LockedTask | undefined,
  checked: CheckedTask,
  moved: ReadonlyMap<string, string>,
): Promise<Finding[]> {
  const unchanged = unchangedRevisions(before, checked.locked);
  const conversions = conversionFindings(name, before, checked, await tryConversions(checked, unchanged, before));
  if (before === undefined) return conversions;
  return [
    ...payloadFindings(name, before, checked, unchanged, moved.get(before.library)),
    ...conversions,
    ...chainFindings(name, before, checked),
    ...executionFindings(name, before, checked.locked),
    ...(await libraryFindings(name, before, checked, moved.get(before.library))),
    ...(checked.locked.retired && !before.retired ? [retiredFinding(name)] : []),
  ];
}

/** Nearly all of them, nearly always: what is the same text needs no comparison. */
function unchangedRevisions(before: LockedTask | undefined, { revisions }: LockedTask): Set<number> {
  const same = Object.entries(before?.revisions ?? {}).filter(([number, { schema }]) =>
    isSameText(schema, revisions[number]?.schema),
  );
  return new Set(same.map(([number]) => Number(number)));
}

/** A name that a task of the base had, which a task of the code now answers to. */
function renamedFrom(
  { contract }: CheckedTask,
  base: Lockfile,
  now: ReadonlyMap<string, CheckedTask>,
): string | undefined {
  return contract.formerNames.find((name) => base.tasks[name] !== undefined && !now.has(name));
}

function goneFindings(base: Lockfile, now: ReadonlyMap<string, CheckedTask>): Finding[] {
  const answered = new Set([...now.values()].flatMap(({ contract }) => contract.formerNames));
  const isThere = (name: string) => now.has(name) || answered.has(name);
  return Object.entries(base.tasks).flatMap(([name, before]) => [
    ...(isThere(name) ? [] : [deletedFinding(name, before, base, now)]),
    ...(before.formerly ?? [])
      .filter((formerName) => !isThere(formerName))
      .map((formerName) => formerNameDroppedFinding(name, formerName)),
  ]);
}

const ranks = { breaking: 0, warning: 1, note: 2 } as const;

/** The breaking ones first, then by task. */
export function sortedFindings(findings: readonly Finding[]): Finding[] {
  const rank = (finding: Finding) => (isBreaking(finding) ? 0 : 1 + ranks[finding.severity]);
  return [...findings].sort((one, other) => rank(one) - rank(other) || (one.task < other.task ? -1 : 1));
}
