import { createRequire } from "node:module";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { hasProgram, orSayWhatIsLeftOut, ownRedis, workerFolders } from "../../setup/brokers.ts";
import { Project } from "../../setup/command-line.ts";
import { until } from "../../setup/until.ts";

/** As much of node-resque as is used here: workers that keep Resque's keys, where a Ruby of Resque's is not to be had. */
interface Resque {
  readonly Queue: new (
    options: object,
    jobs: object,
  ) => {
    connect(): Promise<void>;
    enqueue(queue: string, name: string, args: readonly unknown[]): Promise<unknown>;
    failedCount(): Promise<number>;
    end(): Promise<void>;
    on(event: "error", listener: () => void): void;
  };
  readonly Worker: new (
    options: object,
    jobs: object,
  ) => {
    connect(): Promise<void>;
    start(): Promise<void>;
    end(): Promise<void>;
    on(event: string, listener: () => void): void;
  };
}

function findResque(): Resque | undefined {
  const [folder] = workerFolders("node-resque");
  return folder === undefined ? undefined : (createRequire(join(folder, "package.json"))("node-resque") as Resque);
}

const resque = findResque();
const isThere = orSayWhatIsLeftOut(
  resque !== undefined && hasProgram("redis-server", "--version"),
  "Resque",
  "redis-server or the package node-resque is missing",
);

test.skipIf(!isThere)("what has failed in Resque goes back to its queue, and says when", async () => {
  const { Queue, Worker } = resque as Resque;
  const redis = await ownRedis();
  const connection = {
    pkg: "ioredis",
    host: "127.0.0.1",
    port: Number(new URL(redis).port),
    database: 0,
    namespace: "resque",
  };
  const state = { isBroken: true };
  const ran: string[] = [];
  const perform = async (...args: readonly unknown[]) => {
    if (state.isBroken) throw new Error("not mended");
    ran.push(JSON.stringify(args));
  };
  const jobs = { add: { perform } };
  const queue = new Queue({ connection }, jobs);
  queue.on("error", () => {});
  await queue.connect();
  onTestFinished(() => queue.end());
  const worker = new Worker({ connection, queues: ["math"], timeout: 50 }, jobs);
  worker.on("failure", () => {});
  await worker.connect();
  onTestFinished(() => worker.end());
  await worker.start();
  for (let n = 0; n < 5; n += 1) await queue.enqueue("math", "add", [n, { deep: [] }, "ü"]);
  await until("all have failed", async () => (await queue.failedCount()) === 5);

  const project = new Project("", {});
  const call = async (...args: string[]) => {
    const answer = await project.call(["jobs", ...args, "--fleet", `resque=${redis}`, "--json"]);
    return JSON.parse(answer.stdout);
  };
  expect((await call("list")).jobs).toHaveLength(5);
  project.write(
    "contracts.ts",
    'import { z } from "zod";\nexport const contracts = { math: { add: z.tuple([z.string()]) } };\n',
  );
  const checked = await project.call([
    "check",
    "--live",
    "--fleet",
    `resque=${redis}`,
    "--contracts",
    "contracts.ts",
    "--json",
  ]);
  expect(JSON.parse(checked.stdout).findings[0].title).toMatch(
    /^5 of 5 jobs of queue math, job add would fail: .*first: a job, failed /,
  );
  expect(await call("retry", "--task", "add", "--contracts", "contracts.ts", "--yes")).toMatchObject({
    ...{ found: 5, changed: 0, leftAlone: 5 },
  });
  state.isBroken = false;
  expect(await call("retry", "--task", "add", "--yes")).toMatchObject({
    ...{ found: 5, changed: 5 },
    kinds: [{ queue: "math", name: "add", error: "Error: not mended", jobs: 5 }],
  });
  await until("all have run", () => ran.length === 5);
  expect(ran[0]).toBe('[0,{"deep":[]},"ü"]');
  expect(await queue.failedCount()).toBe(5); // they stay in the list, as retried
  expect(await call("retry", "--task", "add", "--yes")).toMatchObject({ found: 0 });
});
