import { Taskmaster } from "taskmaster";
import { Worker, type WorkerOptions } from "taskmaster/worker";
import { onTestFinished } from "vitest";
import type { AnyRunnableTask } from "../../../src/contract/task.ts";
import { retryByHand } from "../../../src/engine/manage.ts";
import { type TestDatabase, testDatabase } from "../../setup/database.ts";
import { Events } from "../../setup/events.ts";

type End = "succeeded" | "failed" | "held";

/** A database with a producer, what happens in this process, and workers as a test starts and stops them. */
export interface Stage extends TestDatabase {
  readonly taskmaster: Taskmaster;
  readonly events: Events;
  work(tasks: readonly AnyRunnableTask[], options?: Partial<WorkerOptions>): Promise<Worker>;
  /** Enqueues, works until the job has ended in that way, and answers with its number. */
  run(task: AnyRunnableTask, payload: unknown, end?: End): Promise<string>;
  /** Gives a job back by hand, and works until it has ended in that way. */
  goOn(task: AnyRunnableTask, job: string, end?: End): Promise<void>;
  /** What is recorded of a job. */
  checkpoints(job: string): Promise<{ name: string; kind: string; seq: number; value: unknown }[]>;
}

export async function stage(): Promise<Stage> {
  const place = await testDatabase();
  const events = new Events();
  const taskmaster = new Taskmaster({ database: place.url, release: "1" });
  onTestFinished(() => taskmaster.stop());
  const work: Stage["work"] = async (tasks, options = {}) => {
    const worker = new Worker({ tasks, database: place.url, release: "1", grace: "1s", ...options });
    onTestFinished(() => worker.stop());
    await worker.start();
    return worker;
  };
  const until = async (task: AnyRunnableTask, id: string, end: End) => {
    const fits = ({ job }: { readonly job: string }) => job === id;
    const before = events.of(`job.${end}`).filter(fits).length;
    const worker = await work([task]);
    await events.next(`job.${end}`, fits, before + 1);
    await worker.stop();
  };
  return {
    ...place,
    taskmaster,
    events,
    work,
    async run(task, payload, end = "succeeded") {
      const { id } = await taskmaster.enqueue(task as never, payload as never);
      await until(task, id, end);
      return id;
    },
    async goOn(task, job, end = "succeeded") {
      await retryByHand(place.database, [job]);
      await until(task, job, end);
    },
    async checkpoints(job) {
      const { rows } = await place.sql.query(
        "select name, kind, seq, value from taskmaster.checkpoint where job_id = $1 order by at, name",
        [job],
      );
      return rows;
    },
  };
}

/** A promise and the ways to settle it: what a test opens when it is time. */
export function gate<T = void>(): { readonly opened: Promise<T>; open(value: T): void } {
  let open: (value: T) => void = () => {};
  const opened = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
