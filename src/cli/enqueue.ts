import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { Taskmaster } from "../client/taskmaster.ts";
import type { Priority } from "../contract/contract.ts";
import type { TaskContract } from "../contract/task.ts";
import { databaseUrl, type GlobalOptions, say, tasksOf } from "./context.ts";
import { UsageError } from "./failure.ts";
import { toInstant } from "./instant.ts";
import { didYouMean } from "./nearest.ts";
import { printJson } from "./terminal.ts";

interface EnqueueCommandOptions {
  readonly delay?: string;
  readonly at?: string;
  readonly key?: string;
  readonly queue?: string;
  readonly priority?: string;
  readonly release?: string;
}

/** `taskmaster enqueue` */
export function addEnqueue(program: Command): void {
  program
    .command("enqueue <name> <payload>")
    .description("Enqueue a job. The payload is JSON, - for standard input, or @file.")
    .option("--delay <duration>", 'not before that much from now, such as "10m"')
    .option("--at <time>", "not before this ISO time")
    .option("--key <text>", "the only unfinished job of its task with this key")
    .option("--queue <name>", "the queue; default: the task's")
    .option("--priority <priority>", "high, normal or low; default: the task's")
    .option("--release <id>", "the release that enqueues")
    .addHelpText(
      "after",
      `\nExamples:\n  npx taskmaster enqueue user.confirm '{"id":42,"message":"hello!"}'\n  echo '{"id":42,"message":"hello!"}' | npx taskmaster enqueue user.confirm - --delay 10m\n`,
    )
    .action(async (name: string, text: string, options: EnqueueCommandOptions, command: Command) =>
      enqueue(command.optsWithGlobals(), name, text, options),
    );
}

async function enqueue(
  global: GlobalOptions,
  name: string,
  text: string,
  options: EnqueueCommandOptions,
): Promise<void> {
  const { config, found } = await tasksOf(global);
  say(found.source);
  const task = found.tasks.find((each) => each.name === name);
  if (task === undefined) {
    const names = found.tasks.map((each) => each.name);
    throw new UsageError(
      `There is no task ${name}.${didYouMean(name, names)} ${names.length > 0 ? `Known are: ${names.join(", ")}.` : "Name the file that exports your tasks: --tasks src/tasks.ts"}`,
    );
  }
  const payload = parse(read(text));
  const runAt = options.at === undefined ? undefined : toInstant(options.at);
  if (runAt && Number.isNaN(runAt.getTime()))
    throw new UsageError(`--at ${options.at} is no time: write one such as "2026-12-01T08:00".`);
  const database = databaseUrl(global, config);
  const release = options.release ?? config.release;
  await using taskmaster = new Taskmaster({
    ...(database !== undefined && { database }),
    ...(release !== undefined && { release }),
    tasks: found.tasks,
  });
  say(`database: ${(await taskmaster.start()).where}`);
  const job = await taskmaster.enqueue(task as TaskContract<unknown, unknown, false>, payload, {
    ...(options.delay !== undefined && { delay: options.delay }),
    ...(runAt && { runAt }),
    ...(options.key !== undefined && { key: options.key }),
    ...(options.queue !== undefined && { queue: options.queue }),
    ...(options.priority !== undefined && { priority: options.priority as Priority }),
  });
  if (global.json) printJson(job);
  else console.log(job.duplicate ? `${job.id} (was there already: it has the same key)` : job.id);
}

function read(text: string): Uint8Array {
  if (text === "-") return readFileSync(0);
  if (!text.startsWith("@")) return new TextEncoder().encode(text);
  try {
    return readFileSync(text.slice(1));
  } catch (error) {
    throw new UsageError(`${text.slice(1)} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function parse(bytes: Uint8Array): unknown {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new UsageError("The payload is not UTF-8. Nothing was enqueued.");
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(
      `The payload is not JSON: ${error instanceof Error ? error.message : String(error)}. Nothing was enqueued.`,
    );
  }
}
