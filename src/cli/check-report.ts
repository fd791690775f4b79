import pc from "picocolors";
import { type Finding, isBreaking } from "../check/finding.ts";
import { effectHead, phaseText } from "../check/finding-text.ts";
import type { Location } from "../check/location.ts";

/** Findings for people: what, where, what breaks, and both ways out. */
export function drawFindings(
  findings: readonly Finding[],
  at: (task: string) => Location,
  { notes }: { readonly notes: boolean },
): string {
  const added = findings.filter(({ rule }) => rule === "task-added");
  const many = !notes && added.length > mostAdded;
  const drawn = findings
    .filter((finding) => !many || !added.includes(finding))
    .map((finding) => (isShort(finding) && !notes ? drawLine(finding) : drawFinding(finding, at(finding.task))));
  return [...drawn, ...(many ? [`${pc.dim("·")} ${added.length.toLocaleString("en")} tasks are new`] : [])].join("\n");
}

/** More new tasks than this are told as a number: the first lockfile of a project is all of them. */
const mostAdded = 5;

/** Notes are a line each, unless more is asked for. */
function isShort({ severity, accepted }: Finding): boolean {
  return severity === "note" || accepted !== undefined;
}

function drawLine(finding: Finding): string {
  const accepted = finding.accepted === undefined ? "" : pc.dim(` (accepted: ${finding.accepted})`);
  const live = finding.live === undefined ? "" : pc.dim(` (in production: ${finding.live})`);
  return `${mark(finding)} ${pc.bold(finding.task)}: ${finding.title}${accepted}${live}`;
}

function mark(finding: Finding): string {
  if (isBreaking(finding)) return pc.red("✖");
  return finding.severity === "note" ? pc.dim("·") : pc.yellow("▲");
}

function drawFinding(finding: Finding, { file, line }: Location): string {
  const { effects, oneDeploy, phased = [], live } = finding;
  const parts = [
    `${mark(finding)} ${pc.bold(finding.task)}: ${finding.title}`,
    pc.dim(`  ${file}:${line}  ${finding.rule}`),
    ...(live === undefined ? [] : ["", `  In production: ${live}`]),
  ];
  if (effects.length > 0) {
    const breaks = effects.some((effect) => effect.breaks);
    parts.push("", `  ${pc.underline(breaks ? "What breaks" : "What happens")}`);
    for (const effect of effects) parts.push(`  - ${pc.bold(effectHead(effect))}: ${effect.what}`);
  }
  if (oneDeploy) {
    parts.push(
      "",
      `  ${pc.underline(phased.length > 0 ? "Way 1, in one deploy" : "What to do")}`,
      `  ${oneDeploy.does}`,
    );
    if (oneDeploy.code !== undefined)
      parts.push("", ...oneDeploy.code.split("\n").map((line) => pc.cyan(`      ${line}`)));
  }
  if (phased.length > 0) {
    parts.push("", `  ${pc.underline(oneDeploy ? "Way 2, in phases" : "In phases")}`);
    for (const [index, phase] of phased.entries()) {
      parts.push(`  ${index + 1}. ${phaseText(phase)}`);
      if (phase.code !== undefined) parts.push(...phase.code.split("\n").map((line) => pc.cyan(`      ${line}`)));
    }
  }
  return `${parts.join("\n")}\n`;
}
