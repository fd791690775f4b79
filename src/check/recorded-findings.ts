import type { Declared, FoundRecord } from "../contract/declared.ts";
import { TaskmasterError } from "../contract/error.ts";
import { fromRecorded } from "../contract/recorded-value.ts";
import type { Database } from "../engine/database.ts";
import { type RecordedRow, recordedPages } from "../engine/recorded-pages.ts";
import { byJobName } from "./backlog.ts";
import type { CheckedTask } from "./checked-task.ts";
import { count } from "./conditions.ts";
import type { Finding } from "./finding.ts";

/** What half-done jobs have recorded, held against what the code's tasks declare of it. Only what is declared can be checked. */
export interface RecordedReport {
  readonly findings: readonly Finding[];
  /** Values that were read as the code would. */
  readonly checked: number;
  /** Values of tasks of the code of which nothing is declared. */
  readonly undeclared: number;
}

interface Count {
  readonly task: string;
  readonly name: string;
  /** As it is recorded. */
  readonly kind: RecordedRow["kind"];
  values: number;
  failing: number;
  reason: string;
  first: string;
}

export async function checkRecorded(
  database: Database,
  tasks: ReadonlyMap<string, CheckedTask>,
): Promise<RecordedReport> {
  const names = byJobName(tasks);
  const counts = new Map<string, Count>();
  const unclaimed = new Map<string, Count>();
  let [checked, undeclared] = [0, 0];
  for await (const page of recordedPages(database))
    for (const row of page) {
      const execution = names.get(row.task)?.execution;
      if (execution?.kind !== "interruptible") continue;
      const found = execution.recorded?.find(row.name);
      if (found === undefined && isUnclaimed(row, execution.recorded)) countOf(unclaimed, row, row.name).values++;
      if (found?.schema === undefined) {
        undeclared++;
        continue;
      }
      const each = countOf(counts, row, found.name);
      each.values++;
      checked++;
      const reason = await refusal(row, found);
      if (reason === undefined) continue;
      each.failing++;
      if (each.failing === 1) Object.assign(each, { reason, first: row.job });
    }
  const refused = [...counts.values()].filter(({ failing }) => failing > 0).map(refusedFinding);
  return { findings: [...refused, ...[...unclaimed.values()].map(unclaimedFinding)], checked, undeclared };
}

/** Where a task declares what it records, a step that may run once and is not among it was renamed or removed. */
function isUnclaimed({ kind }: RecordedRow, declared: Declared | undefined): boolean {
  return declared !== undefined && (kind === "once" || kind === "begun");
}

function countOf(counts: Map<string, Count>, { task, kind, job }: RecordedRow, name: string): Count {
  const key = `${task}\n${name}`;
  const known = counts.get(key);
  if (known) return known;
  const made = { task, name, kind, values: 0, failing: 0, reason: "", first: job };
  counts.set(key, made);
  return made;
}

/** Why the code would not read a value, as its worker would find it. */
async function refusal(row: RecordedRow, { schema }: FoundRecord): Promise<string | undefined> {
  const value = row.kind === "each" ? cursorOf(row.value) : row.kind === "event" ? payloadOf(row.value) : row.value;
  if (value === undefined || row.kind === "begun") return undefined;
  try {
    await fromRecorded({ value, older: row.older, revision: row.revision }, schema, "it");
    return undefined;
  } catch (error) {
    if (error instanceof TaskmasterError && "issues" in error) return issuesText(error.issues);
    return error instanceof Error ? error.message : String(error);
  }
}

/** JSON text of the cursor of an iteration's place; undefined where there is none, such as at its end. */
function cursorOf(place: string | null): string | undefined {
  const { cursor, done } = JSON.parse(place ?? "{}") as { readonly cursor?: unknown; readonly done?: true };
  return done || cursor === undefined ? undefined : JSON.stringify(cursor);
}

/** JSON text of the event that was waited for; undefined where the time was over. */
function payloadOf(wait: string | null): string | undefined {
  const { id, payload } = JSON.parse(wait ?? "{}") as { readonly id?: string; readonly payload?: unknown };
  return id === undefined ? undefined : JSON.stringify(payload);
}

function issuesText(issues: unknown): string {
  const list = issues as readonly { readonly path: string; readonly message: string }[];
  return list
    .slice(0, 3)
    .map(({ path, message }) => (path === "" ? message : `\`${path}\`: ${message}`))
    .join("; ");
}

function refusedFinding({ task, name, kind, values, failing, reason, first }: Count): Finding {
  const what =
    kind === "each" ? "cursors of the iteration" : kind === "event" ? "payloads of the event" : "results of step";
  return {
    rule: "recorded-refused",
    severity: "breaking",
    task,
    title: `${count(failing)} of ${count(values)} recorded ${what} "${name}" would not be read: ${reason}; first: job ${first}`,
    effects: [
      {
        who: "new worker, old job",
        phases: ["during the deploy", "after the deploy"],
        what: "their jobs are held as unreadable-checkpoint when they come to it. What they have done stays done.",
        breaks: true,
      },
    ],
    oneDeploy: {
      does: `Make the change of the recorded value a revision of its own, with an upgrade. What the first of them has recorded: npx taskmaster jobs show ${first}`,
      code: `"${name}": revisions(theOldSchema).revise(theNewSchema, { upgrade: (older) => ({ ...older, … }) }),`,
    },
  };
}

function unclaimedFinding({ task, name, values, first }: Count): Finding {
  return {
    rule: "recorded-unclaimed",
    severity: "warning",
    task,
    title: `step "${name}" may run once and is recorded of ${count(values)} half-done ${values === 1 ? "job" : "jobs"}, and the task does not declare it; first: job ${first}`,
    effects: [
      {
        who: "new worker, old job",
        phases: ["during the deploy", "after the deploy"],
        what: "where it was renamed, their jobs are held as step-renamed before another step that may run once begins; where it was removed, nothing happens.",
        breaks: false,
      },
    ],
    oneDeploy: {
      does: "Where it was renamed, say what it was called; where it is still there, declare it.",
      code: `recorded: { "the new name": { formerly: ${JSON.stringify(name)} } }`,
    },
  };
}
