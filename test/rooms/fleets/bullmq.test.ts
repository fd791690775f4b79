import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { bullScene, bulls } from "../../setup/bullmq.ts";
import { until } from "../../setup/until.ts";

const known = bulls.filter(({ major }) => major >= 5);

describe.each(known)("BullMQ $version", (bull) => {
  test("nothing starts after the verdict, all runs afterwards, a queue that a person paused stays paused", async () => {
    const { queue, worker, started, ended, deploy, prefix } = bullScene(bull);
    const others = bullScene(bull, { prefix: `${prefix}:other` }).queue("mail"); // of a longer prefix: not ours
    await others.add("stay", {});
    const [mail, bills, parked] = [queue("mail"), queue("bills"), queue("parked")];
    await parked.pause();
    await parked.add("stay", { ms: 1 });
    for (let n = 0; n < 20; n += 1) await mail.add("send", { ms: 300 });
    for (let n = 0; n < 5; n += 1) await bills.add("charge", { ms: 300 });
    await bills.add("later", { ms: 10 }, { delay: 2_000 });
    await bills.add("export", { ms: 8_000 }, { interruptible: true, lifo: true });
    for (const name of ["mail", "bills", "parked"]) worker(name);
    await until("they run", () => started.length > 3);

    expect(await deploy("prepare", "--timeout", "20s")).toMatchObject({ code: 0, said: { verdict: "safe" } });
    const safeAt = Date.now();
    await mail.add("last", { ms: 10 });
    await pause(2_500); // what would start now is what this is about
    expect(started.filter(({ at }) => at > safeAt)).toEqual([]);
    expect(await others.isPaused()).toBe(false);

    expect(await deploy("finish")).toMatchObject({ code: 0, said: { fleets: [{ wasClosed: true }] } });
    await until("all have run", () => ended() === 27 + 1);
    expect([await mail.isPaused(), await bills.isPaused(), await parked.isPaused()]).toEqual([false, false, true]);
    expect(await parked.getJobCounts()).toMatchObject({ active: 0, completed: 0 });
  });

  test("what is in the way is named, and the queues go on; a killed deployer's gate can be opened", async () => {
    const { queue, worker, started, deploy, project, fleet } = bullScene(bull);
    const bills = queue("bills");
    worker("bills", { concurrency: 1 });
    await bills.add("charge", { ms: 60_000 });
    await until("it runs", () => started.length === 1);
    const blocked = await deploy("prepare", "--timeout", "1s");
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
  });

  test("a person who pauses and resumes a queue behind the gate loses no job", async () => {
    const { queue, worker, deploy, ended } = bullScene(bull);
    const mail = queue("mail");
    for (let n = 0; n < 3; n += 1) await mail.add("before", {});
    expect((await deploy("prepare", "--timeout", "5s")).code).toBe(0);
    await mail.add("behind", {});
    await mail.pause();
    await mail.add("behind", {});
    await mail.resume();
    await mail.add("behind", {});
    worker("mail");
    expect((await deploy("finish")).code).toBe(0);
    await until("all have run", () => ended() === 6);
  });

  test("a worker that dies in the middle leaves a doubt until BullMQ has taken its job back", async () => {
    const { queue, worker, started, deploy } = bullScene(bull);
    const mail = queue("mail");
    const never = { skipStalledCheck: true }; // so that it is this test that says when the job is taken back
    const dying = worker("mail", { lockDuration: 1_000, ...never }, () => new Promise(() => {}));
    await mail.add("send", {}, { jobId: "stalls" });
    await until("it runs", async () => (await mail.getJobCounts()).active === 1);
    worker("mail", never);
    await dying.close(true);

    const doubtful = await deploy("prepare", "--timeout", "3s");
    expect(doubtful.code).toBe(3); // first by its lock, which has not run out, then by a doubt
    expect(doubtful.said.fleets[0].doubts.join()).toMatch(/Job stalls \(send\) of the queue mail is stalled/);
    const preparing = deploy("prepare", "--timeout", "40s");
    await until("it is paused", () => mail.isPaused());
    worker("mail", { stalledInterval: 500 });
    expect((await preparing).code).toBe(0);
    expect(started).toEqual([]);
    expect((await deploy("finish")).code).toBe(0);
    await until("it runs again", () => started.length === 1);
  });

  test("what was enqueued behind the gate comes after what waited before it, a flow goes on where it was", async () => {
    const { queue, worker, flows, started, deploy, ended } = bullScene(bull);
    const [mail, parents] = [queue("mail"), queue("parents")];
    for (let n = 0; n < 3; n += 1) await mail.add(`before ${n}`, {});
    expect((await deploy("prepare", "--timeout", "5s")).code).toBe(0);
    for (let n = 0; n < 3; n += 1) await mail.add(`behind ${n}`, {});
    await flows().add({
      name: "parent",
      queueName: "parents",
      data: {},
      children: [{ name: "child", queueName: "mail", data: {} }],
    });
    worker("mail", { concurrency: 1 });
    worker("parents");
    expect((await deploy("finish")).code).toBe(0);
    await until("all have run", () => ended() === 8);
    expect(started.map(({ name }) => name)).toEqual([
      ...["before 0", "before 1", "before 2", "behind 0", "behind 1", "behind 2", "child", "parent"],
    ]);
    await until("the parent is done", async () => (await parents.getJobCounts()).completed === 1);
  });
});

test.skipIf(known.length === 0)("a Redis without queues is a doubt", async () => {
  const [bull] = known;
  if (bull === undefined) return;
  const answer = await bullScene(bull).deploy("prepare", "--timeout", "1s");
  expect(answer.code).toBe(3);
  expect(answer.said.fleets[0].doubts.join()).toMatch(/no queue of BullMQ with the prefix/);
});
