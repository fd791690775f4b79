import { randomUUID } from "node:crypto";
import { realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { onTestFinished } from "vitest";
import { brokers, listens, orSayWhatIsLeftOut, workerFolders } from "./brokers.ts";
import { Project } from "./command-line.ts";

/** As much of BullMQ as is used in tests; the package itself belongs to the benchmarks. */
export interface BullQueue {
  add(name: string, data: object, options?: object): Promise<{ readonly id?: string }>;
  addBulk(jobs: readonly { name: string; data: object; opts?: object }[]): Promise<unknown>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  isPaused(): Promise<boolean>;
  getJobCounts(): Promise<Record<string, number>>;
  upsertJobScheduler?(id: string, repeat: object, template: object): Promise<unknown>;
  obliterate(options: { force: boolean }): Promise<void>;
  close(): Promise<void>;
}

interface BullWorker {
  close(force?: boolean): Promise<void>;
  on(event: string, listener: () => void): void;
  waitUntilReady(): Promise<unknown>;
}

interface Bull {
  readonly Queue: new (name: string, options: object) => BullQueue;
  readonly Worker: new (name: string, work: (job: BullJob) => Promise<unknown>, options: object) => BullWorker;
  readonly FlowProducer: new (options: object) => { add(flow: object): Promise<unknown>; close(): Promise<void> };
}

export interface BullJob {
  readonly id?: string;
  readonly name: string;
  readonly data: { readonly ms?: number };
}

export interface FoundBull extends Bull {
  readonly major: number;
  readonly version: string;
}

/** The newest first: those that `.ci/brokers` has installed, else that of the benchmarks. */
function findBulls(): FoundBull[] {
  const ofBenchmarks = join(realpathSync("node_modules"), "..", "bench");
  const found = [...workerFolders("bullmq"), ofBenchmarks].flatMap((folder): FoundBull[] => {
    const load = createRequire(join(folder, "package.json"));
    try {
      const { version } = load("bullmq/package.json") as { version: string };
      return [{ ...(load("bullmq") as Bull), version, major: Number(version.split(".")[0]) }];
    } catch {
      return []; // not there
    }
  });
  return [...new Map(found.map((bull) => [bull.version, bull])).values()];
}

const isThere = await listens(brokers.redis);
const all = findBulls();
/** One at least, unless something is missing: then it has been said. */
export const bulls = orSayWhatIsLeftOut(isThere && all.length > 0, "BullMQ", "its package or a Redis is missing")
  ? all
  : [];

export interface BullSceneOptions {
  readonly address?: string;
  readonly prefix?: string;
  /** What ioredis needs beside the host, port and database. */
  readonly connection?: object;
  readonly database?: string;
}

/** Queues under a prefix of their own, which are deleted afterwards, and the command line as their owner calls it. */
export function bullScene({ Queue, Worker, FlowProducer }: FoundBull, options: BullSceneOptions = {}) {
  const { address = brokers.redis, prefix = `tm${randomUUID().slice(0, 8)}`, database = "" } = options;
  const url = new URL(address);
  const connection = {
    host: url.hostname,
    port: Number(url.port || 6379),
    db: Number(url.pathname.slice(1) || 0),
    ...(url.password !== "" && { password: url.password }),
    ...options.connection,
  };
  const started: { name: string; at: number; id: string }[] = [];
  const state = { ended: 0 };
  const queue = (name: string) => {
    const made = new Queue(name, { connection, prefix });
    onTestFinished(async () => {
      await made.obliterate({ force: true }).catch(() => {}); // its Redis may be gone
      await made.close();
    });
    return made;
  };
  const run = async (job: BullJob) => {
    started.push({ name: job.name, at: Date.now(), id: job.id ?? "" });
    await pause(job.data.ms ?? 0, undefined, { ref: false });
    state.ended += 1;
  };
  const worker = (
    name: string,
    settings: object = { concurrency: 2 },
    work: (job: BullJob) => Promise<unknown> = run,
  ) => {
    const made = new Worker(name, work, { connection, prefix, ...settings });
    made.on("error", () => {});
    onTestFinished(() => made.close(true));
    return made;
  };
  const flows = () => {
    const made = new FlowProducer({ connection, prefix });
    onTestFinished(() => made.close());
    return made;
  };
  const project = new Project(database, {});
  const separator = address.includes("?") ? "&" : "?";
  const fleet = `bullmq=${address}${separator}prefix=${encodeURIComponent(prefix)}`;
  /** Calls a command with `--json`, and reads what it says. */
  const call = async (...args: string[]) => {
    const answer = await project.call([...args, "--fleet", fleet, "--json"]);
    return { ...answer, said: JSON.parse(answer.stdout || (answer.stderr.trim().split("\n").at(-1) ?? "")) };
  };
  const deploy = (verb: string, ...args: string[]) => call("deploy", verb, ...args);
  return { queue, worker, flows, started, run, ended: () => state.ended, deploy, call, project, fleet, prefix };
}
