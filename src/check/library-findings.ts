import { currentRevision } from "../contract/contract.ts";
import { validate } from "../contract/schema.ts";
import type { CheckedTask } from "./checked-task.ts";
import type { Finding } from "./finding.ts";
import type { LockedTask, Lockfile } from "./lockfile.ts";
import { payloadsOf } from "./payloads.ts";

/** Schema libraries whose version is not the one of the base, and how to say it. */
export function movedLibraries(base: Lockfile, now: Lockfile): Map<string, string> {
  return new Map(
    Object.entries(now.libraries).flatMap(([vendor, version]) => {
      const was = base.libraries[vendor];
      return was === undefined || was === version ? [] : [[vendor, `${vendor} ${was} → ${version}`] as const];
    }),
  );
}

/**
 * After an update of the schema library, whether its validator still takes what the schema allows. A refinement refuses some of it as
 * well, and the schema does not say so: it is a warning, with the payload.
 */
export async function libraryFindings(
  task: string,
  before: LockedTask,
  { contract }: CheckedTask,
  moved: string | undefined,
): Promise<Finding[]> {
  if (moved === undefined) return [];
  const current = currentRevision(contract);
  const released = before.revisions[current.number];
  if (released === undefined) return [];
  for (const payload of payloadsOf(released.schema)) {
    const result = await validate(current.schema, payload);
    if (result.ok) continue;
    const [issue] = result.issues;
    return [
      {
        rule: "validator-refuses",
        severity: "warning",
        task,
        revision: current.number,
        title: `${moved}: its validator refuses a payload that the released schema allows (${issue?.path ? `\`${issue.path}\`: ` : ""}${issue?.message ?? ""})`,
        witness: payload,
        effects: [
          {
            who: "new worker, old job",
            phases: ["during the deploy", "after the deploy"],
            what: "where queued jobs have such a payload, they are held as unreadable.",
            breaks: true,
          },
        ],
        oneDeploy: {
          does: "Expected where the schema has a refinement that JSON Schema cannot say. To be sure, run what is really queued through the new validator: npx taskmaster check --live",
        },
      },
    ];
  }
  return [];
}
