import type { Command } from "commander";
import { formatMilliseconds } from "../contract/duration.ts";
import { isRunnableTask } from "../contract/task.ts";
import { Worker } from "../worker/worker.ts";
import { databaseUrl, type GlobalOptions, say, tasksOf } from "./context.ts";
import { UsageError } from "./failure.ts";
import { collect } from "./job-options.ts";
import { logEvents } from "./log.ts";

interface WorkOptions {
  readonly queue?: readonly string[];
  readonly concurrency?: string;
  readonly release?: string;
  readonly grace?: string;
  readonly lease?: string;
  readonly quiet?: boolean;
  readonly strict?: boolean;
}

/** `taskmaster work` */
export function addWork(program: Command): void {
  program
    .command("work [files...]")
    .description("Run jobs, until SIGTERM or Ctrl-C.")
    .option("--queue <name>", "only this queue; may be repeated", collect)
    .option("--concurrency <count>", "attempts at once (default: 10)")
    .option("--release <id>", "the release that this worker is (default: TASKMASTER_RELEASE, else the git commit)")
    .option("--grace <duration>", 'how long interruptible tasks have to stop (default: "5s")')
    .option("--lease <duration>", 'how long this worker may be silent before it is taken for dead (default: "20s")')
    .option(
      "--strict",
      "refuse the first signal to stop while this is the last live worker that can read some of the jobs",
    )
    .option("--quiet", "log nothing")
    .addHelpText(
      "after",
      "\nExamples:\n  npx taskmaster work\n  npx taskmaster work src/tasks.ts --queue mail --concurrency 50\n\nSIGTERM and Ctrl-C stop in good order: short tasks end, interruptible ones are handed back. A second one ends at once.\n",
    )
    .action(async (files: string[], options: WorkOptions, command: Command) =>
      work(command.optsWithGlobals(), files, options),
    );
}

async function work(
  global: GlobalOptions & { verbose?: boolean },
  files: readonly string[],
  options: WorkOptions,
): Promise<void> {
  const { config, found } = await tasksOf(global, files);
  const tasks = found.tasks.filter(isRunnableTask);
  if (tasks.length === 0)
    throw new UsageError(
      `There is no task to run: ${found.files.length === 0 ? found.source : `${found.files.length} files export none that ends with .short(…) or .interruptible(…)`}. Name the file that exports them: npx taskmaster work src/tasks.ts`,
    );
  const concurrency = options.concurrency === undefined ? config.concurrency : Number(options.concurrency);
  const queues = options.queue ?? config.queues;
  const database = databaseUrl(global, config);
  const release = options.release ?? config.release;
  logEvents(options.quiet ? "quiet" : global.json ? "json" : "lines", global.verbose ?? false);

  const worker = new Worker({
    tasks,
    schedules: found.schedules,
    ...(concurrency !== undefined && { concurrency }),
    ...(queues !== undefined && { queues }),
    ...(database !== undefined && { database }),
    ...(release !== undefined && { release }),
    ...(options.grace !== undefined && { grace: options.grace }),
    ...(options.lease !== undefined && { lease: options.lease }),
  });
  const stopped = stopOnSignals(worker, options.strict === true);
  await worker.start();
  say(`${found.source} · ${await worker.describe()}`);
  await stopped;
  if (process.connected) process.disconnect(); // a supervisor's channel, such as PM2's, would keep this program alive
}

/** Resolves when the worker has stopped after a signal, or after an error that nobody caught. */
function stopOnSignals(worker: Worker, strict: boolean): Promise<void> {
  return new Promise((resolve) => {
    let asked = 0;
    let refused = !strict;
    const stop = async (why: string) => {
      if (!refused) {
        refused = true;
        const stranded = await worker.wouldStrand().catch(() => []); // a database that is away refuses nothing
        if (stranded.length > 0) {
          const what = stranded
            .map(({ task, revision, jobs }) => `${jobs} jobs of ${task} revision ${revision}`)
            .join(", ");
          say(
            `${why}: not stopping, because no other live worker can read ${what} (--strict). Start one, or ask again to stop all the same.`,
          );
          return;
        }
      }
      if (++asked > 1) {
        say(`${why}: ending at once.`);
        worker.hurry();
        return;
      }
      const { short, interruptible, longestMs } = worker.attempts();
      say(
        short + interruptible === 0
          ? `${why}: stopping.`
          : `${why}: stopping. Waiting for ${short} short tasks (${formatMilliseconds(longestMs)} at most) and handing back ${interruptible} interruptible ones. Again to end at once.`,
      );
      await worker.stop();
      resolve();
    };
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => void stop(signal));
    for (const event of ["uncaughtException", "unhandledRejection"] as const)
      process.on(event, (error: unknown) => {
        // Nobody knows what state the program is in: end what runs, in good order, and let the supervisor start anew.
        process.stderr.write(
          `taskmaster: ${event} while it ran ${worker.attempts().names.join(", ") || "nothing"}:\n${error instanceof Error ? error.stack : String(error)}\n`,
        );
        process.exitCode = 1;
        if (asked === 0) void stop(event);
      });
  });
}
