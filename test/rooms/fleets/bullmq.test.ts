import { randomUUID } from "node:crypto";
import { realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { brokers, listens, orSayWhatIsLeftOut } from "../../setup/brokers.ts";
import { Project } from "../../setup/command-line.ts";
import { until } from "../../setup/until.ts";

/** As much of BullMQ as is used here; the package itself belongs to the benchmarks. */
interface Bull {
  readonly Queue: new (
    name: string,
    options: object,
  ) => {
    add(name: string, data: object, options?: object): Promise<unknown>;
    pause(): Promise<void>;
    isPaused(): Promise<boolean>;
    getJobCounts(): Promise<Record<string, number>>;
    close(): Promise<void>;
  };
  readonly Worker: new (
    name: string,
    work: (job: { name: string; data: { ms: number } }) => Promise<void>,
    options: object,
  ) => { close(force?: boolean): Promise<void>; on(event: "error", listener: () => void): void };
}

function findBull(): Bull | undefined {
  const root = join(realpathSync("node_modules"), "..");
  for (const folder of [root, join(root, "bench"), join(process.cwd(), "bench")])
    try {
      return createRequire(join(folder, "package.json"))("bullmq") as Bull;
    } catch {
      // not there
    }
  return undefined;
}

const bull = findBull();
const isThere = orSayWhatIsLeftOut(
  bull !== undefined && (await listens(brokers.redis)),
  "BullMQ",
  "its package (npm ci in bench/) or a Redis is missing",
);

async function scene() {
  const { Queue, Worker } = bull as Bull;
  const prefix = `tm${randomUUID().slice(0, 8)}`;
  const url = new URL(brokers.redis);
  const connection = { host: url.hostname, port: Number(url.port || 6379), db: Number(url.pathname.slice(1) || 0) };
  const started: { name: string; at: number }[] = [];
  let ended = 0;
  const queue = (name: string) => {
    const made = new Queue(name, { connection, prefix });
    onTestFinished(() => made.close());
    return made;
  };
  const worker = (name: string, concurrency = 2) => {
    const made = new Worker(
      name,
      async (job) => {
        started.push({ name: job.name, at: Date.now() });
        await pause(job.data.ms);
        ended += 1;
      },
      { connection, prefix, concurrency },
    );
    made.on("error", () => {});
    onTestFinished(() => made.close(true));
    return made;
  };
  const project = new Project("", {});
  const fleet = `bullmq=${brokers.redis}?prefix=${prefix}`;
  const deploy = async (verb: string, ...args: string[]) => {
    const answer = await project.call(["deploy", verb, "--fleet", fleet, "--json", ...args]);
    return { code: answer.code, said: JSON.parse(answer.stdout || (answer.stderr.trim().split("\n").at(-1) ?? "")) };
  };
  return { queue, worker, started, ended: () => ended, deploy, project, fleet, prefix };
}

test.skipIf(!isThere)(
  "nothing starts after the verdict, all runs afterwards, a queue that a person paused stays paused",
  async () => {
    const { queue, worker, started, ended, deploy } = await scene();
    const [mail, bills, parked] = [queue("mail"), queue("bills"), queue("parked")];
    await parked.pause();
    await parked.add("stay", { ms: 1 });
    for (let n = 0; n < 20; n += 1) await mail.add("send", { ms: 300 });
    for (let n = 0; n < 5; n += 1) await bills.add("charge", { ms: 300 });
    await bills.add("later", { ms: 10 }, { delay: 2_500 });
    await bills.add("export", { ms: 20_000 }, { interruptible: true, lifo: true });
    for (const name of ["mail", "bills", "parked"]) worker(name);
    await until("they run", () => started.length > 3);

    expect(await deploy("prepare", "--timeout", "20s")).toMatchObject({ code: 0, said: { verdict: "safe" } });
    const safeAt = Date.now();
    await mail.add("send", { ms: 10 });
    await pause(3_000); // what would start now is what this is about
    expect(started.filter(({ at }) => at > safeAt)).toEqual([]);

    expect(await deploy("finish")).toMatchObject({ code: 0, said: { fleets: [{ wasClosed: true }] } });
    await until("all have run", () => ended() === 27, { forMs: 20_000 });
    expect([await mail.isPaused(), await bills.isPaused(), await parked.isPaused()]).toEqual([false, false, true]);
    expect(await parked.getJobCounts()).toMatchObject({ active: 0, completed: 0 });
  },
  60_000,
);

test.skipIf(!isThere)(
  "what is in the way is named, and the queues go on; a killed deployer's gate can be opened",
  async () => {
    const { queue, worker, started, deploy, project, fleet } = await scene();
    const bills = queue("bills");
    worker("bills", 1);
    await bills.add("charge", { ms: 8_000 });
    await until("it runs", () => started.length === 1);
    const blocked = await deploy("prepare", "--timeout", "2s");
    expect(blocked).toMatchObject({
      code: 3,
      said: { verdict: "blocked", blockers: [{ task: "charge", job: "bills/1" }] },
    });
    expect(await bills.isPaused()).toBe(false);
    expect((await deploy("prepare", "--timeout", "2s", "--interruptible", "charge")).code).toBe(0);
    expect((await deploy("prepare")).said.error.message).toMatch(/has been closed by/);
    expect((await deploy("abort")).code).toBe(0);

    const dying = project.start(["deploy", "prepare", "--fleet", fleet]);
    await until("it is paused", () => bills.isPaused());
    dying.kill("SIGKILL");
    expect(await deploy("abort")).toMatchObject({ code: 0, said: { fleets: [{ wasClosed: true }] } });
    expect(await bills.isPaused()).toBe(false);
  },
  60_000,
);

test.skipIf(!isThere)("a Redis without queues is a doubt", async () => {
  const { deploy } = await scene();
  const answer = await deploy("prepare", "--timeout", "1s");
  expect(answer.code).toBe(3);
  expect(answer.said.fleets[0].doubts.join()).toMatch(/no queue of BullMQ with the prefix/);
});
