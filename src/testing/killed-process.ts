import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { withLinks } from "../contract/chain.ts";
import { type AnyRunnableTask, isRunnableTask } from "../contract/task.ts";
import { Database } from "../engine/database.ts";
import { importModule } from "../process/import-module.ts";
import type { AttemptRequest } from "./hand.ts";
import type { ProcessAnswer, ProcessSetting } from "./process-hand.ts";
import { SteppingWorker } from "./stepping-worker.ts";
import { TrackedRun } from "./tracked-run.ts";
import { watchAll } from "./watches.ts";

/** The program of a process that runs attempts of a task, and kills itself with SIGKILL where it is told to (process-hand.ts). */

async function main(): Promise<void> {
  const setting = JSON.parse(process.argv[2] ?? "{}") as ProcessSetting;
  const task = await findTask(setting);
  if (task === undefined) {
    say({ failed: `${fileURLToPath(setting.module)} exports no task named ${setting.task}.` });
    return;
  }
  const database = new Database({ url: setting.database });
  await watchAll();
  const worker = await SteppingWorker.start(database, withLinks([task]), setting.release);
  process.on("message", (request: AttemptRequest) => {
    attempt(worker, request, setting.trace).then(say, (error: unknown) => say({ failed: explain(error) }));
  });
  process.on("disconnect", () => process.exit());
  say({ ready: worker.process });
}

async function attempt(
  worker: SteppingWorker,
  { kill, counts }: AttemptRequest,
  trace: string,
): Promise<ProcessAnswer> {
  const held = await worker.claim();
  if (held === undefined) return { ended: { job: undefined, task: "", effects: [], counts, killed: false, lists: [] } };
  const counted = new Map(counts);
  const run = new TrackedRun(kill, counted);
  const ended = (killed: boolean) => {
    const { effects, lists } = run;
    return { job: held.id, task: held.task.contract.name, effects, counts: [...counted], killed, lists };
  };
  run.onKill(() => {
    TrackedRun.outside(() => writeFileSync(trace, JSON.stringify(ended(true))));
    process.kill(process.pid, "SIGKILL");
  });
  await worker.attempt(held, run);
  return { ended: ended(false) };
}

async function findTask({ module, task }: ProcessSetting): Promise<AnyRunnableTask | undefined> {
  const exported = await importModule(fileURLToPath(module));
  const values = Object.values(exported).flatMap((value) => (Array.isArray(value) ? value : [value]));
  return withLinks(values.filter(isRunnableTask)).find(({ name }) => name === task);
}

function say(answer: ProcessAnswer): void {
  process.send?.(answer);
}

function explain(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

main().catch((error: unknown) => say({ failed: explain(error) }));
