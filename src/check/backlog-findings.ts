import { readable } from "../contract/contract.ts";
import type { Database } from "../engine/database.ts";
import { type Production, standingOf } from "../engine/production.ts";
import { type BacklogReport, byJobName } from "./backlog.ts";
import type { CheckedTask } from "./checked-task.ts";
import { count, loadText, timeText } from "./conditions.ts";
import type { DryRunCount } from "./dry-run.ts";
import type { Finding } from "./finding.ts";
import type { Lockfile } from "./lockfile.ts";

/** What is said of jobs in production that the code would refuse, or does not know. */
export async function backlogFindings(
  database: Database,
  { counts, unread }: BacklogReport,
  production: Production,
  now: ReadonlyMap<string, CheckedTask>,
  { base, known }: { readonly base: Lockfile; readonly known: readonly Finding[] },
): Promise<Finding[]> {
  const refused = counts.filter(({ failing }) => failing > 0).map((each) => refusedFinding(database, each));
  return [...(await Promise.all(refused)), ...unreadableFindings(unread, production, now, base, known)];
}

async function refusedFinding(
  database: Database,
  { task, revision, jobs, failing, problems }: DryRunCount,
): Promise<Finding> {
  const told = [...problems].sort(([, one], [, other]) => other.jobs - one.jobs).slice(0, 3);
  const reasons = told.map(([reason, each]) => (problems.size > 1 ? `${reason} (${count(each.jobs)})` : reason));
  const [mostly, { first }] = told[0] ?? ["", { first: "" }];
  const number = numberOf(first);
  const [, missing] = /^`(\w+)` is missing$/.exec(mostly) ?? [];
  return {
    rule: "backlog-refused",
    severity: "breaking",
    task,
    revision,
    title: `${count(failing)} of ${count(jobs)} jobs of revision ${revision} would fail: ${reasons.join("; ")}; first: ${first}${await standing(database, number)}`,
    effects: [
      {
        who: "new worker, old job",
        phases: ["during the deploy", "after the deploy"],
        what: "they are held as unreadable, and their function is not called.",
        breaks: true,
      },
    ],
    oneDeploy: {
      does: `Make the upgrade take them, and look again.${number === undefined ? "" : ` What the first of them holds: npx taskmaster jobs show ${number}. One that nobody needs can be taken out: npx taskmaster jobs cancel ${number}`}`,
      ...(missing !== undefined && {
        code: `upgrade: (older) => ({ ...older, ${missing}: older.${missing} ?? … }), // what it should be in these jobs`,
      }),
    },
  };
}

/** Of what failed first: a job, or a schedule. */
function numberOf(first: string): string | undefined {
  return /^job (\d+)$/.exec(first)?.[1];
}

async function standing(database: Database, number: string | undefined): Promise<string> {
  if (number === undefined) return "";
  const found = await standingOf(database, number);
  if (found === undefined) return "";
  return found.state === "scheduled" ? `, scheduled for ${timeText(found.runAt)}` : `, ${found.state}`;
}

function unreadableFindings(
  unread: ReadonlyMap<number, number>,
  { lanes, processes }: Production,
  now: ReadonlyMap<string, CheckedTask>,
  base: Lockfile,
  known: readonly Finding[],
): Finding[] {
  const names = byJobName(now);
  const left = lanes.filter(({ lane }) => unread.has(lane));
  // A live process that knows none of our tasks is another program's; one that knows some is an older release of ours.
  const isOurs = new Set(processes.filter((each) => names.has(each.task)).map(({ process }) => process));
  const readBy = (task: string) => processes.some((each) => each.task === task && each.reads);
  return [...new Set(left.map(({ task }) => task))].flatMap((task): Finding[] => {
    const toldOf = known.some((each) => each.live !== undefined && each.severity !== "note" && isAbout(each, task));
    if (toldOf) return [];
    const mine = left.filter((lane) => lane.task === task);
    const checked = names.get(task);
    const readByOthers = processes.some((each) => each.task === task && each.reads && !isOurs.has(each.process));
    const ours = checked !== undefined || base.tasks[task] !== undefined || !readByOthers;
    const revisions = [...new Set(mine.map(({ max }) => max))].join(", ");
    const reads = checked && readable(checked.contract);
    return [
      {
        rule: "backlog-unreadable",
        severity: ours ? "breaking" : "note",
        task,
        title: `${loadText(mine)} of revision ${revisions} ${reads ? `cannot be read: this code reads ${reads.lo} to ${reads.hi}` : "are of a task that this code does not know"}`,
        effects: [
          {
            who: "new worker, old job",
            phases: ["during the deploy", "after the deploy"],
            what: readBy(task)
              ? "workers of this code leave them alone. They run as long as a live worker knows them, and are stranded when the last one stops."
              : "they are stranded: no live worker knows them either.",
            breaks: ours,
          },
        ],
        oneDeploy: {
          does: reads
            ? `Keep the revisions ${revisions} in the chain until their jobs are gone. If this code is older than what is live, this is what a rollback leaves behind: they wait until the newer release is back.`
            : `Another program's task? Then all is well. Otherwise keep it, or name its new self with .formerly("${task}").`,
        },
      },
    ];
  });
}

function isAbout({ task, rule }: Finding, name: string): boolean {
  return task === name && ["revision-dropped", "task-deleted", "former-name-dropped"].includes(rule);
}
