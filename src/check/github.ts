import type { Finding } from "./finding.ts";
import { isBreaking } from "./finding.ts";
import { headline, plainText } from "./finding-text.ts";
import type { Location } from "./location.ts";

/** Findings as annotations of GitHub Actions: lines that a workflow prints, and that appear beside the code of a pull request. */
export function githubAnnotations(findings: readonly Finding[], at: (task: string) => Location): string {
  return findings.map((finding) => annotation(finding, at(finding.task))).join("");
}

function annotation(finding: Finding, { file, line }: Location): string {
  const level = isBreaking(finding) ? "error" : finding.severity === "note" ? "notice" : "warning";
  const properties = { file, line: String(line), title: `${headline(finding)} (${finding.rule})` };
  const written = Object.entries(properties).map(([key, value]) => `${key}=${property(value)}`);
  return `::${level} ${written.join(",")}::${data(plainText(finding))}\n`;
}

/** @see https://docs.github.com/actions/reference/workflow-commands-for-github-actions */
function data(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function property(text: string): string {
  return data(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
