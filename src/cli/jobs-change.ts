import type { Database } from "../engine/database.ts";
import { type FoundJob, findJobs, type JobState } from "../engine/jobs.ts";
import { type Changed, keyHoldersOf } from "../engine/manage.ts";
import { Waker } from "../engine/wake.ts";
import { type GlobalOptions, withDatabase } from "./context.ts";
import { NotDoneError, UsageError } from "./failure.ts";
import { type JobOptions, takesAll, toFilter } from "./job-options.ts";
import { confirm, printJson } from "./terminal.ts";

export interface ChangeOptions {
  readonly deploy?: string;
  readonly rate?: string;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

/** What is done to jobs. */
export interface Verb {
  readonly name: string;
  readonly done: string;
  readonly states: readonly JobState[];
  readonly apply: (database: Database, ids: readonly string[]) => Promise<Changed[]>;
  /** What its help shows beside what all verbs have. */
  readonly examples?: readonly string[];
}

const batchSize = 1_000;

/** Changes the jobs that are named or that fit, and says which were left. */
export async function changeJobs(
  global: GlobalOptions,
  ids: readonly string[],
  options: JobOptions & ChangeOptions,
  verb: Verb,
): Promise<void> {
  const asked = toFilter(options, ids);
  if (takesAll(asked))
    throw new UsageError(
      `Say which jobs to ${verb.name}: their numbers, or a filter such as --task NAME or --state ${verb.states[0]}.`,
    );
  const filter = { ...asked, states: asked.states ?? verb.states };
  const impossible = filter.states.filter((state) => !verb.states.includes(state));
  if (impossible.length > 0)
    throw new UsageError(
      `Jobs that are ${impossible.join(" or ")} cannot be given to ${verb.name}; those that are ${verb.states.join(", ")} can.`,
    );
  await withDatabase(global, async (database) => {
    const found = await collectJobs(database, filter);
    // Who names jobs hears of each one that is left; who also filters has asked for it, unless nothing is left at all.
    const hears = found.length === 0 || takesAll(toFilter(options));
    const passed = hears ? await passedOver(database, verb, ids, found) : [];
    if (found.length === 0) throw new NotDoneError(passed.map(({ why }) => why).join("\n") || "No job fits.");
    if (passed.length > 0) process.exitCode = 1;
    if (options.dryRun) return report(global, verb, { found, changed: 0, holders: [], passed });
    if (found.length > 1 && !options.yes) await askFirst(verb, found);
    const changed = await apply(database, verb, found);
    const left = found.filter(({ id }) => !changed.has(id));
    const holders =
      left.length > 0 && verb.name === "retry"
        ? await keyHoldersOf(
            database,
            left.map(({ id }) => id),
          )
        : [];
    report(global, verb, { found, changed: changed.size, holders, passed });
    if (changed.size < found.length) process.exitCode = 1;
  });
}

interface Passed {
  readonly id: string;
  readonly why: string;
}

/** The jobs that were named and cannot be changed, and why. */
async function passedOver(
  database: Database,
  verb: Verb,
  ids: readonly string[],
  found: readonly FoundJob[],
): Promise<Passed[]> {
  const taken = new Set(found.map(({ id }) => id));
  const left = [...new Set(ids)].filter((id) => !taken.has(id));
  if (left.length === 0) return [];
  const others = new Map((await findJobs(database, { ids: left }, left.length)).map((job) => [job.id, job]));
  return left.map((id) => {
    const other = others.get(id);
    if (other === undefined)
      return { id, why: `There is no job ${id}. It may have succeeded longer ago than succeeded jobs are kept.` };
    const where = other.process !== null && other.state === "running" ? ` on process ${other.process}` : "";
    return { id, why: `Job ${id} is ${other.state}${where}, so there is nothing to ${verb.name}.` };
  });
}

async function collectJobs(database: Database, filter: Parameters<typeof findJobs>[1]): Promise<FoundJob[]> {
  const all: FoundJob[] = [];
  for (;;) {
    const page = await findJobs(database, filter, batchSize * 10, all.at(-1)?.id);
    all.push(...page);
    if (page.length < batchSize * 10) return all;
  }
}

async function askFirst(verb: Verb, found: readonly FoundJob[]): Promise<void> {
  const counts = new Map<string, number>();
  for (const { task, state } of found) counts.set(`${task} (${state})`, (counts.get(`${task} (${state})`) ?? 0) + 1);
  console.error([...counts].map(([what, count]) => `  ${count} × ${what}`).join("\n"));
  if (!process.stdin.isTTY)
    throw new UsageError(
      `${found.length} jobs would be changed, and there is no terminal to ask on. Say --yes, or look first with --dry-run.`,
    );
  if (!(await confirm(`${verb.name} these ${found.length} jobs?`))) throw new NotDoneError("Nothing was changed.");
}

/** In batches, each a statement of its own: cut short, it has done whole batches and says how many. */
async function apply(database: Database, verb: Verb, found: readonly FoundJob[]): Promise<Set<string>> {
  const changed = new Set<string>();
  const waker = new Waker(database);
  let stopped = false;
  const stop = () => {
    stopped = true;
  };
  process.once("SIGINT", stop);
  for (let from = 0; from < found.length && !stopped; from += batchSize) {
    const batch = found.slice(from, from + batchSize).map(({ id }) => id);
    const done = await verb.apply(database, batch);
    for (const { id } of done) changed.add(id);
    if (verb.name === "retry") waker.wake(done.map(({ lane }) => lane));
    if (found.length > batchSize && process.stderr.isTTY)
      process.stderr.write(`\r${Math.min(from + batchSize, found.length)} of ${found.length}`);
  }
  process.removeListener("SIGINT", stop);
  if (found.length > batchSize && process.stderr.isTTY) process.stderr.write("\n");
  await waker.settled();
  return changed;
}

interface Done {
  readonly found: readonly FoundJob[];
  readonly changed: number;
  readonly holders: readonly { id: string; holder: string; key: string }[];
  readonly passed: readonly Passed[];
}

function report(global: GlobalOptions, verb: Verb, { found, changed, holders, passed }: Done): void {
  if (global.json) {
    const jobs = found.map(({ id }) => id);
    printJson({
      found: found.length,
      changed,
      jobs,
      refused: holders,
      ...(passed.length > 0 && { passedOver: passed }),
    });
    return;
  }
  console.log(`${changed} of ${found.length} jobs ${verb.done}.`);
  for (const { id, holder, key } of holders.slice(0, 10))
    console.log(`Job ${id} was left: the unfinished job ${holder} holds its key ${JSON.stringify(key)}.`);
  if (changed < found.length && holders.length < found.length - changed && changed > 0)
    console.log("The others had moved on meanwhile.");
  for (const { why } of passed.slice(0, 10)) console.log(why);
  if (passed.length > 10) console.log(`… and ${passed.length - 10} more of those that were named.`);
}
