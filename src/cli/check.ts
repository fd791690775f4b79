import { writeFileSync } from "node:fs";
import { type Command, Option } from "commander";
import pc from "picocolors";
import { lockfileWith } from "../check/acceptance.ts";
import { type CheckOptions, checkTasks, type Report, sortedFindings } from "../check/check.ts";
import { type Finding, isBreaking } from "../check/finding.ts";
import { githubAnnotations } from "../check/github.ts";
import type { LiveReport } from "../check/live.ts";
import type { LiveRelease } from "../check/live-releases.ts";
import type { Location } from "../check/location.ts";
import { type Lockfile, lockfileName } from "../check/lockfile.ts";
import { lockfileText } from "../check/lockfile-text.ts";
import { isSameText } from "../check/same-text.ts";
import { sarif } from "../check/sarif.ts";
import { packageVersion } from "../process/version.ts";
import { checkInput, type InputFlags, nothingToCompareWith, orCouldNotCheck } from "./check-input.ts";
import type { CheckedQueues, QueueFlags } from "./check-queues.ts";
import { drawFindings } from "./check-report.ts";
import { say, withDatabase } from "./context.ts";
import { CouldNotCheckError, UsageError } from "./failure.ts";
import { anotherFleet } from "./fleet-option.ts";
import { ProgressLine } from "./progress-line.ts";
import { printJson } from "./terminal.ts";

interface CheckFlags extends InputFlags, QueueFlags {
  readonly write?: boolean;
  readonly accept?: string;
  readonly prune?: boolean;
  readonly frozen?: boolean;
  readonly notes?: boolean;
  readonly live?: boolean;
  readonly format: "human" | "json" | "github" | "sarif";
}

/** `taskmaster check` */
export function addCheck(program: Command): void {
  program
    .command("check [files...]")
    .description("Whether what changed in the tasks can be deployed: what breaks, for whom, when, and what to do.")
    .option(
      "--fleet <kind=address>",
      "with --live: an existing queue, whose stored jobs are held against contracts",
      anotherFleet,
    )
    .option(
      "--contracts <file>",
      "the file that exports the contracts of existing queues (default: taskmaster.config.ts)",
    )
    .option("--write", `write ${lockfileName}: to be committed with the code`)
    .option("--accept <reason>", "with --write: take on what breaks, with a reason that stands in the lockfile")
    .option("--base <revision>", "compare with the lockfile of a git revision, such as origin/main")
    .option("--live", "ask production as well: run all that waits there through the new code, without running a task")
    .option("--prune", "ask production which upgrades, downgrades, former names and retired tasks may be deleted now")
    .option("--frozen", "fail where the lockfile is not up to date (the default where CI is set)")
    .option("--no-frozen", "pass where the lockfile is not up to date and nothing breaks")
    .option("--notes", "say all of what is only to be known, too")
    .addOption(
      new Option("--format <format>", "for people, programs, GitHub Actions or code scanners")
        .choices(["human", "json", "github", "sarif"])
        .default("human"),
    )
    .addHelpText(
      "after",
      "\nExit codes: 0 fine, 1 something breaks (or the lockfile is not up to date), 2 could not check\n\nExamples:\n" +
        "  npx taskmaster check --write\n  npx taskmaster check\n  npx taskmaster check --base origin/main --format github\n  npx taskmaster check --live\n  npx taskmaster check --prune\n  npx taskmaster check --live --fleet bullmq=redis://127.0.0.1:6379/0 --contracts contracts.ts\n",
    )
    .action(async (files: string[], _: unknown, command: Command) => {
      const flags: CheckFlags = command.optsWithGlobals();
      if (flags.accept !== undefined && !flags.write)
        throw new UsageError("--accept goes with --write: the reason is kept in the lockfile.");
      if (flags.accept?.trim() === "")
        throw new UsageError('--accept wants a reason, such as --accept "nobody has used it yet".');
      if (flags.prune && (flags.write || !["human", "json"].includes(flags.format)))
        throw new UsageError(
          "--prune asks production what may go, and is a question of its own: leave out --write and --format github or sarif.",
        );
      if (!flags.live && (flags.fleet ?? flags.contracts) !== undefined)
        throw new UsageError("--fleet and --contracts go with --live: they are about jobs that are stored.");
      await orCouldNotCheck(() => check(flags, files));
    });
}

async function check(flags: CheckFlags, files: readonly string[]): Promise<void> {
  // What asks production is loaded when it is asked: a hook at each commit should not wait for it.
  const queues = flags.live ? await (await import("./check-queues.ts")).checkQueues(flags) : undefined;
  const input = await checkInput(flags, files, { compiled: flags.live === true, mayBeEmpty: queues !== undefined });
  const { options } = input;
  const at = (task: string) => queues?.at(task) ?? input.at(task);
  if (queues && hasNothing(options)) {
    answer(flags, { findings: sortedFindings(queues.findings), queues }, at, false);
    process.exitCode = queues.findings.some(isBreaking) ? 1 : 0;
    return;
  }
  if (flags.prune) return (await import("./prune.ts")).prune(flags, options);
  if (!input.comparable && !flags.write && !flags.live) throw new CouldNotCheckError(nothingToCompareWith);
  const ofTasks = flags.live ? await checkProduction(flags, options) : await checkTasks(options);
  const report = { ...ofTasks, findings: sortedFindings([...ofTasks.findings, ...(queues?.findings ?? [])]) };
  if (flags.write) return write(flags, report, options.present, at);
  const { present } = options;
  const stale = present === undefined || !isSameText(lockfileWith(report.lockfile, present), present);
  const breaks = report.findings.some(isBreaking);
  const frozen = flags.frozen ?? Boolean(process.env.CI);
  answer(flags, { ...report, ...(queues && { queues }) }, at, stale);
  process.exitCode = breaks || (stale && frozen) ? 1 : 0;
}

/** A project without tasks, whose queues are all that there is to check. */
function hasNothing({ tasks, base }: CheckOptions): boolean {
  return tasks.length === 0 && Object.keys(base.tasks).length === 0;
}

async function checkProduction(flags: CheckFlags, options: CheckOptions): Promise<LiveReport> {
  return withDatabase(flags, async (database) => {
    const { checkLive } = await import("../check/live.ts");
    const began = performance.now();
    const bar = new ProgressLine("payloads");
    const report = await checkLive({ ...options, database, tell: ({ done, total }) => bar.draw(done, total) });
    bar.clear();
    for (const release of report.releases) say(releaseText(release));
    const seconds = (performance.now() - began) / 1_000;
    say(`ran ${count(report.backlog.payloads, "stored payload")} through this code in ${seconds.toFixed(1)} s`);
    const { checked, undeclared } = report.recorded;
    if (checked > 0) say(`ran ${count(checked, "recorded value")} of half-done jobs through it`);
    if (undeclared > 0)
      say(
        `${count(undeclared, "recorded value")} of half-done jobs could not be checked: their tasks declare no schema of them (recorded: { … })`,
      );
    return report;
  });
}

/** `live: release 4f2a (3 workers, 2 producers) knows 12 tasks` */
function releaseText({ release, workers, producers, tasks }: LiveRelease): string {
  return `live: release ${release} (${count(workers, "worker")}, ${count(producers, "producer")}) knows ${count(Object.keys(tasks).length, "task")}`;
}

function write(flags: CheckFlags, report: Report, present: Lockfile | undefined, at: (task: string) => Location): void {
  const breaking = report.findings.filter(isBreaking);
  const reason = flags.accept;
  if (breaking.length > 0 && reason === undefined) {
    answer(flags, report, at, false);
    say(
      `${lockfileName} was not written. Mend what breaks; or, where you know better, say why: npx taskmaster check --write --accept "…"\n` +
        "A draft that was never released? Compare with what is: npx taskmaster check --write --base origin/main",
    );
    process.exitCode = 1;
    return;
  }
  const accepted = breaking.map(({ task, rule }) => ({ task, rule, reason: reason ?? "" }));
  const next = lockfileWith(report.lockfile, present, accepted);
  const changed = present === undefined || !isSameText(present, next);
  if (changed) writeFileSync(lockfileName, lockfileText(next));
  const findings = report.findings.map(
    (finding): Finding => (isBreaking(finding) ? { ...finding, accepted: reason ?? "" } : finding),
  );
  answer(flags, { ...report, findings }, at, false);
  say(changed ? `wrote ${lockfileName}: commit it with the code` : `${lockfileName} is up to date`);
}

function answer(
  { format, json, notes = false, base }: CheckFlags,
  report: Pick<Report, "findings"> & Partial<LiveReport> & { readonly queues?: CheckedQueues },
  at: (task: string) => Location,
  stale: boolean,
): void {
  const { findings, tasks = 0, revisions = 0, releases, queues } = report;
  const verdict = findings.some(isBreaking) ? "breaking" : "fine";
  if (json || format === "json")
    printJson({
      verdict,
      upToDate: !stale,
      tasks,
      revisions,
      findings: findings.map((finding) => ({ ...finding, location: at(finding.task) })),
      ...(releases && { releases }),
      ...(queues && { storedJobs: queues.jobs }),
    });
  else if (format === "sarif") printJson(sarif(findings, at, packageVersion));
  else if (format === "github") process.stdout.write(githubAnnotations(findings, at));
  else {
    if (findings.length > 0) console.log(drawFindings(findings, at, { notes }));
    console.log(
      summary(
        findings,
        queues && tasks === 0
          ? count(queues.jobs, "stored job")
          : `${count(tasks, "task")} with ${count(revisions, "revision")}`,
      ),
    );
  }
  // What breaks comes first: it could not be written anyway.
  if (stale && verdict === "fine")
    say(`${lockfileName} is not up to date. Write it, and commit it with the code: npx taskmaster check --write`);
  if (base === undefined && findings.some(({ rule, accepted }) => rule === "payload-changed" && accepted === undefined))
    say("A draft that was never released? Compare with what is: npx taskmaster check --base origin/main");
}

function summary(findings: readonly Finding[], checked: string): string {
  const breaking = findings.filter(isBreaking).length;
  const warnings = findings.filter(({ severity }) => severity === "warning").length;
  if (breaking > 0)
    return (
      pc.red(`${count(breaking, "finding")} would break a deploy`) +
      pc.dim(` (${checked}, ${count(warnings, "warning")})`)
    );
  return `${pc.green("Can be deployed")}${pc.dim(`: ${checked}, ${count(warnings, "warning")}`)}`;
}

function count(number: number, of: string): string {
  return `${number.toLocaleString("en")} ${of}${number === 1 ? "" : "s"}`;
}
