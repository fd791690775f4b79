// One process of the demonstration: a web process or a worker, of one release, on Taskmaster or on the plain queue. Its parent says
// which by the environment, and it leaves with SIGTERM, or with its parent.
import { setTimeout as pause } from "node:timers/promises";
import { Taskmaster } from "taskmaster";
import { Worker } from "taskmaster/worker";
import { PlainQueue } from "./plain-queue.ts";

const { DEMO_DATABASE: database = "", DEMO_QUEUE: queue, DEMO_ROLE: role, DEMO_RELEASE: release = "" } = process.env;
const folder = release === "N" ? "./release-n" : "./release-n1";
const stopping = new AbortController();
process.on("disconnect", () => process.exit(1));
process.on("SIGTERM", () => stopping.abort());

const stopped = new Promise<void>((resolve) =>
  stopping.signal.addEventListener("abort", () => resolve(), { once: true }),
);
const tell = (message: object) => process.send?.(message);

if (queue === "taskmaster" && role === "web") await taskmasterWeb();
else if (queue === "taskmaster") await taskmasterWorker();
else if (role === "web") await plainWeb();
else await plainWorker();
process.exit(0);

async function taskmasterWeb(): Promise<void> {
  const { confirmUser, onSignup, revision } = await import(`${folder}/tasks.ts`);
  const taskmaster = new Taskmaster({ database, release, tasks: [confirmUser] });
  await taskmaster.start();
  await signups(revision, async (delaySeconds) => (await onSignup(taskmaster, `${delaySeconds}s`)).id);
  await taskmaster.stop();
}

async function plainWeb(): Promise<void> {
  const { argumentsOf, revision } = await import(`${folder}/plain.ts`);
  const plain = new PlainQueue(database);
  await signups(revision, (delaySeconds) => plain.enqueue(argumentsOf(), delaySeconds));
  await plain.end();
}

/** Steady traffic: forty sign-ups a second, of which every tenth is confirmed four seconds later. */
async function signups(revision: number, enqueue: (delaySeconds: number) => Promise<string>): Promise<void> {
  tell({ up: true });
  for (let count = 1; !stopping.signal.aborted; count++) {
    const delaySeconds = count % 10 === 0 ? 4 : 0;
    const job = await enqueue(delaySeconds);
    tell({ enqueued: job, revision, dueAt: Date.now() + delaySeconds * 1_000 });
    await pause(25);
  }
}

async function taskmasterWorker(): Promise<void> {
  const { confirmUser } = await import(`${folder}/tasks.ts`);
  const worker = new Worker({ database, release, tasks: [confirmUser], concurrency: 4 });
  await worker.start();
  tell({ up: true });
  await stopped;
  await worker.stop();
}

async function plainWorker(): Promise<void> {
  const { perform } = await import(`${folder}/plain.ts`);
  const plain = new PlainQueue(database);
  tell({ up: true });
  const slot = async () => {
    while (!stopping.signal.aborted) if (!(await plain.runOne(perform))) await pause(30);
  };
  await Promise.all([slot(), slot(), slot(), slot()]);
  await plain.end();
}
