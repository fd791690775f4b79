import { currentRevision } from "../contract/contract.ts";
import type { ScheduleDefinition } from "../contract/schedule.ts";
import { validate } from "../contract/schema.ts";
import type { Finding } from "./finding.ts";

/** Schedules whose payload their own task refuses: they would fail at every tick. */
export async function scheduleFindings(schedules: readonly ScheduleDefinition[]): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const { name, contract, payload } of schedules) {
    const current = currentRevision(contract);
    const result = await validate(current.schema, payload);
    if (result.ok) continue;
    const problems = result.issues.map(({ path, message }) => (path === "" ? message : `\`${path}\`: ${message}`));
    found.push({
      rule: "schedule-refused",
      severity: "breaking",
      task: contract.name,
      revision: current.number,
      title: `the schedule ${name} has a payload that revision ${current.number} refuses: ${problems.join("; ")}`,
      witness: payload,
      effects: [
        {
          who: "every new process",
          phases: ["at the start"],
          what: "a worker with this schedule cannot define it.",
          breaks: true,
        },
      ],
      oneDeploy: {
        does: `Give the schedule a payload of revision ${current.number}:`,
        code: `schedule("${name}", { …, payload: { … } })`,
      },
    });
  }
  return found;
}
