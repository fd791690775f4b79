import type { Condition, Effect, Finding, Phase } from "./finding.ts";

/** Findings as plain lines, for whoever has no terminal: annotations and SARIF. */

export function headline({ task, title }: Finding): string {
  return `${task}: ${title}`;
}

export function plainText(finding: Finding): string {
  const { effects, oneDeploy, phased = [], live, accepted } = finding;
  return [
    `${headline(finding)}.`,
    ...(accepted === undefined ? [] : [`Accepted: ${accepted}`]),
    ...(live === undefined ? [] : [`In production: ${live}`]),
    ...effects.map((effect) => `${effectHead(effect)}: ${effect.what}`),
    ...(oneDeploy ? ["", `In one deploy: ${oneDeploy.does}`, ...(oneDeploy.code ? ["", oneDeploy.code] : [])] : []),
    ...(phased.length > 0
      ? ["", "In phases:", ...phased.map((phase, index) => `${index + 1}. ${phaseText(phase)}`)]
      : []),
  ].join("\n");
}

export function effectHead({ who, phases }: Effect): string {
  const phase = phases.length > 1 ? `${phases.slice(0, -1).join(", ")} and ${phases.at(-1)}` : (phases[0] ?? "");
  return `${phase} (${who})`;
}

export function phaseText({ does, until }: Phase): string {
  return until.length === 0 ? does : `${does} Go on when ${until.map(conditionText).join(", and ")}.`;
}

export function conditionText(condition: Condition): string {
  const upTo =
    "revisionsTo" in condition && condition.revisionsTo !== undefined ? revisions(condition.revisionsTo) : "";
  switch (condition.kind) {
    case "no-jobs":
      return `no job of ${condition.task}${upTo} is left`;
    case "no-writers":
      return `no live process enqueues ${condition.task}${upTo} any more`;
    case "readers":
      return `every live worker of ${condition.task} reads revision ${condition.revision}`;
    case "queue-worked":
      return `a live worker works the queue ${condition.queue}`;
    case "queue-empty":
      return `no job of ${condition.task} is left in the queue ${condition.queue}`;
  }
}

function revisions(to: number): string {
  return to === 1 ? " revision 1" : ` revisions 1 to ${to}`;
}
