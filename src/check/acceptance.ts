import type { Finding } from "./finding.ts";
import type { Acceptance, Lockfile } from "./lockfile.ts";
import { isSameText } from "./same-text.ts";

/** Breaking changes that somebody took on. An acceptance is of one form of a task: when the task changes again, it is worth nothing. */
export function standingAcceptances(now: Lockfile, present: Lockfile | undefined): readonly Acceptance[] {
  return (present?.accepted ?? []).filter(({ task }) => isSameText(now.tasks[task], present?.tasks[task]));
}

export function withAcceptance(finding: Finding, accepted: readonly Acceptance[]): Finding {
  const taken = accepted.find(({ task, rule }) => task === finding.task && rule === finding.rule);
  return taken === undefined || finding.severity !== "breaking" ? finding : { ...finding, accepted: taken.reason };
}

/** The lockfile to write. @param more what is accepted with this writing */
export function lockfileWith(now: Lockfile, present: Lockfile | undefined, more: readonly Acceptance[] = []): Lockfile {
  const accepted = [...standingAcceptances(now, present), ...more];
  return accepted.length > 0 ? { ...now, accepted } : now;
}
