import { stripVTControlCharacters } from "node:util";
import type { Command } from "commander";
import pc from "picocolors";
import type { Database } from "../engine/database.ts";
import { type FoundJob, findJobs, type JobDetail, type JobState, showJob } from "../engine/jobs.ts";
import { cancelByHand, retryByHand } from "../engine/manage.ts";
import { readStatus } from "../engine/status.ts";
import { type GlobalOptions, withDatabase } from "./context.ts";
import { NotDoneError, UsageError } from "./failure.ts";
import { anotherFleet } from "./fleet-option.ts";
import { takesAll, toFilter, withFilters } from "./job-options.ts";
import { type ChangeOptions, changeJobs, type Verb } from "./jobs-change.ts";
import { type FleetJobsOptions, listFailed, retryFailed } from "./jobs-of-fleets.ts";
import { replay } from "./jobs-replay.ts";
import { didYouMean } from "./nearest.ts";
import { toldText } from "./status.ts";
import { fromNow, localTime, printJson, table } from "./terminal.ts";

const ofFleet = "of an existing queue (bullmq, sidekiq, resque): what has failed there; may be repeated";

/** `taskmaster jobs …` */
export function addJobs(program: Command): void {
  const jobs = program.command("jobs").description("Look at jobs, run them again, cancel them.");
  withFilters(jobs.command("list"))
    .description("List jobs, the newest first.")
    .option("--limit <count>", "at most", "50")
    .option("--fleet <kind=address>", ofFleet, anotherFleet)
    .option("--deploy <id>", "with --fleet: what failed in the window of this deploy")
    .addHelpText(
      "after",
      '\nExamples:\n  npx taskmaster jobs list --state failed --since 2h\n  npx taskmaster jobs list --task user.confirm --error "mail server"\n  npx taskmaster jobs list --fleet bullmq=redis://127.0.0.1:6379/0 --since 2h\n',
    )
    .action(async (options: FleetJobsOptions & { limit: string }, command: Command) =>
      list(command.optsWithGlobals(), options),
    );
  jobs
    .command("show <id>")
    .description("Everything that is known of one job.")
    .addHelpText("after", "\nExample:\n  npx taskmaster jobs show 4711\n")
    .action(async (id: string, _: unknown, command: Command) => show(command.optsWithGlobals(), id));
  const change = (name: string, description: string, verb: Verb): Command =>
    withFilters(jobs.command(`${name} [ids...]`))
      .description(description)
      .option("--yes", "do not ask")
      .option("--dry-run", "only say what would be done")
      .addHelpText(
        "after",
        [
          "\nExamples:",
          `  npx taskmaster jobs ${name} 4711`,
          `  npx taskmaster jobs ${name} --task user.confirm --state failed --since 2h`,
          ...(verb.examples ?? []).map((example) => `  npx taskmaster jobs ${name} ${example}`),
          "",
        ].join("\n"),
      )
      .action(async (ids: string[], options: FleetJobsOptions & ChangeOptions, command: Command) => {
        const { deploy, rate, fleet, contracts } = options;
        if (fleet !== undefined) {
          if (ids.length > 0)
            throw new UsageError("--fleet: choose by --deploy, --since, --task, --queue or --error, not by numbers.");
          if (deploy === undefined && takesAll(toFilter(options)))
            throw new UsageError(
              "Say which jobs to retry: --deploy ID, or a filter such as --since 2h or --task NAME.",
            );
          return retryFailed(command.optsWithGlobals(), options);
        }
        if (deploy !== undefined) {
          if (ids.length > 0 || !takesAll(toFilter(options)))
            throw new UsageError("--deploy chooses the jobs: leave out numbers and filters.");
          return replay(command.optsWithGlobals(), { ...options, deploy });
        }
        if (rate !== undefined) throw new UsageError("--rate goes with --deploy or --fleet.");
        if (typeof contracts === "string") throw new UsageError("--contracts goes with --fleet.");
        return changeJobs(command.optsWithGlobals(), ids, options, verb);
      });
  change("retry", "Give failed, held and cancelled jobs back to the queue; make scheduled and retrying ones due now.", {
    name: "retry",
    done: "given back",
    states: ["failed", "held", "cancelled", "scheduled", "retrying"],
    apply: retryByHand,
    examples: [
      "--deploy 12 --rate 50/s --dry-run",
      "--fleet bullmq=redis://127.0.0.1:6379/0 --since 2h --contracts contracts.ts --dry-run",
    ],
  })
    .option("--deploy <id>", "what failed in the window of this deploy, as far as a live worker can read it")
    .option("--rate <rate>", "with --deploy or --fleet: so many in a time, such as 50/s")
    .option("--fleet <kind=address>", ofFleet, anotherFleet)
    .option(
      "--contracts <file>",
      "with --fleet: leave alone what these contracts of queues refuse, as check --live has them",
    )
    .option("--no-contracts", "with --fleet: do not look at the contracts in the config");
  change("cancel", "Take jobs out of the queue. They stay visible, and retry gives them back.", {
    name: "cancel",
    done: "cancelled",
    states: ["waiting", "scheduled", "retrying", "failed", "held"],
    apply: cancelByHand,
  });
}

async function list(global: GlobalOptions, options: FleetJobsOptions & { limit: string }): Promise<void> {
  const limit = Number(options.limit);
  if (!Number.isInteger(limit) || limit < 1 || limit > 100_000)
    throw new UsageError(`--limit ${options.limit}: write a whole number from 1 to 100000.`);
  if (options.fleet !== undefined) return listFailed(global, options, limit);
  if (options.deploy !== undefined)
    throw new UsageError(
      `What failed in a deploy's window, and what became of it: npx taskmaster jobs retry --deploy ${options.deploy} --dry-run`,
    );
  const filter = toFilter(options);
  await withDatabase(global, async (database) => {
    const found = await findJobs(database, filter, limit);
    if (found.length === 0 && filter.task !== undefined) await assertTaskKnown(database, filter.task);
    if (global.json) return printJson({ jobs: found });
    if (found.length === 0) console.log("No job fits.");
    else console.log(table(["job", "task", "rev", "state", "when", "fails", "why"], found.map(row)));
    if (found.length === limit) console.log(pc.dim(`The newest ${limit} are shown; --limit shows more.`));
  });
}

function row(job: FoundJob): (string | number)[] {
  const when = job.endedAt ? localTime(job.endedAt) : job.runAt ? fromNow(job.runAt) : "–";
  const why = job.state === "running" ? `on process ${job.process}` : onOneLine(job.reason ?? "");
  return [
    job.id,
    job.task,
    job.revision,
    colour(job.state),
    when,
    job.failures,
    why.length > 80 ? `${why.slice(0, 79)}…` : why,
  ];
}

/** An error is another program's text: its lines and its colours would break the table. */
function onOneLine(text: string): string {
  return stripVTControlCharacters(text).replaceAll(/\s+/g, " ");
}

function colour(state: JobState): string {
  if (state === "failed") return pc.red(state);
  if (state === "held" || state === "retrying") return pc.yellow(state);
  return state === "succeeded" ? pc.green(state) : state;
}

async function assertTaskKnown(database: Database, task: string): Promise<void> {
  const { backlog, parked } = await readStatus(database);
  const known = [...new Set([...backlog, ...parked].map((each) => each.task))];
  if (!known.includes(task) && didYouMean(task, known) !== "")
    throw new NotDoneError(`No job of a task ${task} is there.${didYouMean(task, known)}`);
}

async function show(global: GlobalOptions, id: string): Promise<void> {
  toFilter({}, [id]);
  await withDatabase(global, async (database) => {
    const job = await showJob(database, id);
    if (job === undefined)
      throw new NotDoneError(`There is no job ${id}. It may have succeeded longer ago than succeeded jobs are kept.`);
    if (global.json) return printJson(job);
    console.log(describe(job));
  });
}

function describe(job: JobDetail): string {
  const facts: (readonly [string, string])[] = [
    ["job", `${job.id}  ${job.task} revision ${job.revision}, queue ${job.queue}`],
    ["state", colour(job.state) + (job.process !== null ? ` on process ${job.process}` : "")],
    ...(job.chain.length > 0 ? ([["chain", chainText(job)]] as const) : []),
    ...(job.running?.heard ? ([["progress", toldText(job.running).trim()]] as const) : []),
    ...(job.reason ? ([["why", job.reason]] as const) : []),
    ...(job.enqueuedAt ? ([["enqueued", `${localTime(job.enqueuedAt)} (${fromNow(job.enqueuedAt)})`]] as const) : []),
    ...(job.runAt && !job.endedAt ? ([["due", `${localTime(job.runAt)} (${fromNow(job.runAt)})`]] as const) : []),
    ...(job.endedAt ? ([["ended", `${localTime(job.endedAt)} (${fromNow(job.endedAt)})`]] as const) : []),
    ["counts", `${job.failures} failures, ${job.crashes} crashes, ${job.interruptions} interruptions`],
    ...Object.entries(job.payloads).map(
      ([revision, payload]) => [`payload ${revision}`, JSON.stringify(payload)] as const,
    ),
  ];
  for (const { name, kind, at, value } of job.checkpoints)
    facts.push(["recorded", `${kind} ${JSON.stringify(name)} ${pc.dim(`${localTime(at)} ${shortened(value)}`)}`]);
  const lines = facts.map(([name, value]) => `${pc.dim(name.padEnd(10))} ${value}`);
  for (const { delivery, at, process, kind, name, message, stack } of job.attempts)
    lines.push(
      "",
      `${pc.yellow(kind)} in delivery ${delivery} on process ${process ?? "?"}, ${localTime(at)}`,
      stack ?? `${name}: ${message}`,
    );
  if (["failed", "held", "cancelled"].includes(job.state))
    lines.push("", pc.dim(`Run it again: npx taskmaster jobs retry ${job.id}`));
  return lines.join("\n");
}

/** `4711: profile:1 4711 succeeded → profile:2 4712 running`: a chain goes by its first job. */
function chainText({ id, chain }: JobDetail): string {
  const links = chain.map(
    (link) => `${link.id === id ? pc.bold(link.task) : link.task} ${link.id} ${colour(link.state)}`,
  );
  return `${chain[0]?.id ?? id}: ${links.join(" → ")}`;
}

function shortened(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
