import { readable } from "../contract/contract.ts";
import type { Production } from "../engine/production.ts";
import { byJobName } from "./backlog.ts";
import type { CheckedTask } from "./checked-task.ts";
import type { Finding } from "./finding.ts";

/** What is said of live releases that still enqueue what the code has forgotten how to read, whatever the lockfile says. */
export function writerFindings(
  { processes }: Production,
  now: ReadonlyMap<string, CheckedTask>,
  known: readonly Finding[],
): Finding[] {
  const names = byJobName(now);
  const told = new Set(known.filter(({ rule }) => rule === "revision-dropped").map(({ task }) => task));
  const found = new Map<string, Finding>();
  for (const { task, hi, writes, release } of processes) {
    const checked = names.get(task);
    if (checked === undefined || !writes || told.has(task)) continue;
    const { lo } = readable(checked.contract);
    if (hi >= lo) continue;
    found.set(`${task} ${hi} ${release}`, {
      rule: "writer-unreadable",
      severity: "breaking",
      task,
      revision: hi,
      title: `the live release ${release} enqueues revision ${hi}, and this code begins at revision ${lo}`,
      effects: [
        {
          who: "new worker, old job",
          phases: ["during the deploy", "after the deploy"],
          what: "its jobs are read by workers of that release alone, and are stranded when the last of them stops.",
          breaks: true,
        },
      ],
      oneDeploy: {
        does: `Put revision ${hi} back at the start of the chain, with the upgrades from it, until no process of release ${release} is left: npx taskmaster status`,
        code: `.payload(schemaOfRevision${hi}${hi > 1 ? `, { revision: ${hi} }` : ""})\n.revise(…, { upgrade: … })`,
      },
    });
  }
  return [...found.values()];
}
