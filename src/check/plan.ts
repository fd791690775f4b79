import type { Production } from "../engine/production.ts";
import type { CheckedTask } from "./checked-task.ts";
import { type Answer, askProduction } from "./conditions.ts";
import type { Condition, Finding, Phase } from "./finding.ts";
import { type Standing, standingOf } from "./standing.ts";

/**
 * The phased way for all that changed together, as numbered deploys. A plan is made anew each time from the code and what it is compared
 * with: nothing has to remember it, and what production answers says how far it has come.
 */
export interface Plan {
  readonly deploys: readonly PlannedDeploy[];
}

export interface PlannedDeploy {
  readonly number: number;
  readonly steps: readonly PlannedStep[];
  /** What must hold before the next deploy. */
  readonly until: readonly Condition[];
}

export interface PlannedStep {
  readonly task: string;
  readonly does: string;
  readonly code?: string;
}

/** The plan of the present change and, where older changes have not come to their end, of what is left of them. */
export function planOf(findings: readonly Finding[], tasks: ReadonlyMap<string, CheckedTask>): Plan {
  const changed = findings.filter(({ phased, accepted }) => phased !== undefined && accepted === undefined);
  const told = new Set(changed.map(({ task }) => task));
  const left = standingOf(tasks).filter(({ task, phases }) => phases.length > 0 && !told.has(task));
  return { deploys: numbered([...changed.map(ofFinding), ...left.map(ofStanding)]) };
}

interface Way {
  readonly task: string;
  readonly phases: readonly Phase[];
}

function ofFinding({ task, phased = [], rule, oneDeploy }: Finding): Way {
  // The first deploy of a changed payload is the revision that the one-deploy way writes.
  const code = rule === "payload-changed" || rule === "payload-unproven" ? oneDeploy?.code : undefined;
  return { task, phases: phased.map((phase, index) => (index === 0 && code ? { ...phase, code } : phase)) };
}

function ofStanding({ task, phases }: Standing): Way {
  return { task, phases };
}

/** The first phases of all are one deploy, and so on. */
function numbered(ways: readonly Way[]): PlannedDeploy[] {
  const most = Math.max(0, ...ways.map(({ phases }) => phases.length));
  return Array.from({ length: most }, (_, index) => {
    const here = ways.flatMap(({ task, phases }) => (phases[index] ? [{ task, phase: phases[index] }] : []));
    const until = here.flatMap(({ phase }) => phase.until);
    return {
      number: index + 1,
      steps: here.map(({ task, phase: { does, code } }) => ({ task, does, ...(code !== undefined && { code }) })),
      until: [...new Map(until.map((condition) => [JSON.stringify(condition), condition])).values()],
    };
  });
}

export interface PlanStatus {
  readonly deploys: readonly (PlannedDeploy & { readonly answers: readonly Answer[]; readonly done: boolean })[];
  /** The deploy that is next or under way; undefined where nothing is left to do. */
  readonly now?: number;
}

/** How far production has come. */
export function statusOf({ deploys }: Plan, production: Production): PlanStatus {
  const answered = deploys.map((deploy) => {
    const answers = deploy.until.map((condition) => askProduction(condition, production));
    return { ...deploy, answers, done: answers.length > 0 && answers.every(({ holds }) => holds) };
  });
  // A later condition can hold by chance, where nothing has begun yet: what counts is the first that does not.
  const next = answered.findIndex(({ done }) => !done);
  const inOrder = answered.map((deploy, index) => ({ ...deploy, done: deploy.done && (next === -1 || index < next) }));
  return { deploys: inOrder, ...(next !== -1 && { now: next + 1 }) };
}

export interface Prunable extends Standing {
  readonly mayGo: boolean;
  readonly answers: readonly Answer[];
}

/** Whether what stands in the code for older releases may go now. */
export function prunable(tasks: ReadonlyMap<string, CheckedTask>, production: Production): Prunable[] {
  return standingOf(tasks).map((standing) => {
    const answers = standing.until.map((condition) => askProduction(condition, production));
    return { ...standing, answers, mayGo: answers.every(({ holds }) => holds) };
  });
}
