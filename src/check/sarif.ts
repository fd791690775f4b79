import type { Finding } from "./finding.ts";
import { isBreaking } from "./finding.ts";
import { headline, plainText } from "./finding-text.ts";
import type { Location } from "./location.ts";
import { checkRules } from "./rules.ts";

/** Findings in the format of code scanners, SARIF 2.1.0. */
export function sarif(findings: readonly Finding[], at: (task: string) => Location, version: string): object {
  const ids = Object.keys(checkRules);
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "taskmaster check",
            version,
            rules: Object.entries(checkRules).map(([id, text]) => ({ id, shortDescription: { text } })),
          },
        },
        results: findings.map((finding) => result(finding, at(finding.task), ids.indexOf(finding.rule))),
      },
    ],
  };
}

function result(finding: Finding, { file, line }: Location, ruleIndex: number): object {
  const { rule, task, revision, severity, accepted } = finding;
  return {
    ruleId: rule,
    ruleIndex,
    level: isBreaking(finding) ? "error" : severity === "note" ? "note" : "warning",
    message: { text: plainText(finding) },
    locations: [
      {
        physicalLocation: { artifactLocation: { uri: file }, region: { startLine: line } },
        logicalLocations: [{ name: task, kind: "function" }],
      },
    ],
    // What a finding is about and not how it is worded: it is the same one in the next run.
    partialFingerprints: { "taskmaster/v1": `${rule} ${task} ${revision ?? ""}`.trim() },
    properties: { title: headline(finding) },
    ...(accepted !== undefined && { suppressions: [{ kind: "inSource", justification: accepted }] }),
  };
}
