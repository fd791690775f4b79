import { formatMilliseconds } from "../contract/duration.ts";
import type { JsonSchema } from "../contract/json-schema.ts";
import type { Database } from "../engine/database.ts";
import { type Production, readDurations, readProduction } from "../engine/production.ts";
import { type BacklogReport, byJobName, type Progress, runBacklog } from "./backlog.ts";
import { backlogFindings } from "./backlog-findings.ts";
import { type CheckOptions, checkTasks, type Report, sortedFindings } from "./check.ts";
import { type CheckedTask, checkedTasks } from "./checked-task.ts";
import { askProduction, count, loadText } from "./conditions.ts";
import type { Condition, Finding } from "./finding.ts";
import { type LiveRelease, liveReleases } from "./live-releases.ts";
import type { LockedTask, Lockfile } from "./lockfile.ts";
import { checkRecorded, type RecordedReport } from "./recorded-findings.ts";
import { ordered } from "./schema-order.ts";
import { writerFindings } from "./writer-findings.ts";

export interface LiveReport extends Report {
  readonly releases: readonly LiveRelease[];
  readonly backlog: BacklogReport;
  readonly recorded: RecordedReport;
}

export interface LiveOptions extends CheckOptions {
  readonly database: Database;
  readonly tell?: (progress: Progress) => void;
}

/**
 * The same check, and production is asked: what the live releases read and write, whether what the change needs holds there already, and
 * whether every payload that waits there is taken by the new code. It reads, and changes nothing.
 */
export async function checkLive(options: LiveOptions): Promise<LiveReport> {
  const { database, tasks, base, tell } = options;
  const report = await checkTasks(options);
  const production = await readProduction(database);
  const now = checkedTasks(tasks);
  const against = await checkTasks({ ...options, base: liveBase(production, now), schedules: [] });
  const backlog = await runBacklog(database, production, now, tell);
  const recorded = await checkRecorded(database, now);
  const found = [
    ...report.findings,
    ...unknownTo(report.findings, against.findings),
    ...writerFindings(production, now, report.findings),
  ];
  const resolved = await Promise.all(found.map((finding) => inProduction(finding, production, database)));
  const queued = await backlogFindings(database, backlog, production, now, { base, known: resolved });
  return {
    ...report,
    findings: sortedFindings([...resolved, ...queued, ...recorded.findings]),
    releases: liveReleases(production),
    backlog,
    recorded,
  };
}

/** What live releases have registered of the code's own tasks, as a lockfile. What is not registered is taken to be unchanged. */
function liveBase({ contracts }: Production, now: ReadonlyMap<string, CheckedTask>): Lockfile {
  const names = byJobName(now);
  const live = new Map<
    string,
    { checked: CheckedTask; revisions: Record<string, { schema: JsonSchema }>; library: string }
  >();
  for (const { task, revision, schema, vendor } of contracts) {
    const checked = names.get(task);
    if (checked === undefined) continue;
    const known = live.get(task) ?? { checked, revisions: {}, library: vendor };
    known.revisions[revision] = { schema: ordered(JSON.parse(schema) as JsonSchema) };
    live.set(task, known);
  }
  const tasks = [...live].map(([name, { checked, revisions, library }]): [string, LockedTask] => [
    name,
    { ...checked.locked, library, revisions },
  ]);
  return { lockfile: 1, libraries: {}, tasks: Object.fromEntries(tasks) };
}

const ofPayloads = new Set<string>(["payload-changed", "payload-unproven", "payload-ignored", "revision-withdrawn"]);

/** What the code contradicts in production, and not in the lockfile: the lockfile is not what was deployed. */
function unknownTo(known: readonly Finding[], live: readonly Finding[]): Finding[] {
  const key = ({ task, revision }: Finding) => `${task} ${revision}`;
  const told = new Set(known.filter(({ rule }) => ofPayloads.has(rule)).map(key));
  return live.filter((finding) => ofPayloads.has(finding.rule) && !told.has(key(finding))).map(asLive);
}

function asLive(finding: Finding): Finding {
  if (finding.rule !== "revision-withdrawn")
    return { ...finding, live: "the lockfile says otherwise; this is what live processes have registered." };
  // What cannot be read any more then is counted in the backlog.
  return { ...finding, severity: "note", live: "a live release is newer than this code, so this is a rollback." };
}

/** Rules of what is gone: right as soon as nobody needs it any more. */
const gone = new Set<string>(["revision-dropped", "task-deleted", "former-name-dropped"]);

async function inProduction(finding: Finding, production: Production, database: Database): Promise<Finding> {
  const { rule, task, revision, phased = [] } = finding;
  if (gone.has(rule)) {
    const until = phased.find((phase) => phase.until.some(({ kind }) => kind === "no-jobs"))?.until ?? [];
    return whenGone(finding, until, production);
  }
  if ((rule === "revision-added" || rule === "downgrade-dropped") && revision !== undefined) {
    const readers = askProduction({ kind: "readers", task, revision }, production);
    return { ...finding, live: `${readers.text}.` };
  }
  if (rule === "time-limit-lowered" || rule === "became-short") return withDurations(finding, database);
  if (rule === "queue-moved") {
    const unmet = phased[0]?.until.map((condition) => askProduction(condition, production)) ?? [];
    const live = unmet.map(({ text }) => text).join("; ");
    return { ...finding, ...(unmet.some(({ holds }) => !holds) && { severity: "breaking" }), live };
  }
  if (rule === "payload-changed" || rule === "payload-unproven") {
    const lanes = production.lanes.filter((lane) => lane.task === task && lane.max === revision);
    const live =
      lanes.length === 0
        ? `no job of revision ${revision} is left.`
        : `of revision ${revision}, ${loadText(lanes)} left.`;
    return { ...finding, live: finding.live ?? live };
  }
  return finding;
}

function whenGone(finding: Finding, until: readonly Condition[], production: Production): Finding {
  const answers = until.map((condition) => askProduction(condition, production));
  const unmet = answers.filter(({ holds }) => !holds);
  if (unmet.length > 0) return { ...finding, live: `${unmet.map(({ text }) => text).join("; ")}.` };
  return { ...finding, severity: "note", live: `safe right now: ${answers.map(({ text }) => text).join(", and ")}.` };
}

async function withDurations(finding: Finding, database: Database): Promise<Finding> {
  const { limitMs } = finding;
  if (limitMs === undefined) return finding;
  const { runs, longestMs, longer } = await readDurations(database, finding.task, limitMs);
  const of = `${count(runs)} ${runs === 1 ? "run" : "runs"} of the last seven days`;
  if (runs === 0) return { ...finding, live: "it has not run in the last seven days." };
  if (longer === 0)
    return { ...finding, severity: "note", live: `the longest of ${of} took ${formatMilliseconds(longestMs)}.` };
  const live = `${count(longer)} of ${of} took longer, the longest ${formatMilliseconds(longestMs)}.`;
  return { ...finding, severity: "breaking", live };
}
