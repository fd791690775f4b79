import { describe, expect, test } from "vitest";
import { bullScene, bulls } from "../../setup/bullmq.ts";
import { testDatabase } from "../../setup/database.ts";
import { until } from "../../setup/until.ts";

describe.each(bulls)("BullMQ $version", (bull) => {
  /** Fails whatever has not been mended. */
  function failing(scene: ReturnType<typeof bullScene>, name: string, concurrency = 4) {
    const mended = { is: false };
    const runs = new Map<string, number>();
    const worker = scene.worker(name, { concurrency }, async (job) => {
      if (!mended.is) throw new Error(job.name === "charge" ? "the bank is away\nsince 8" : "no such mail");
      runs.set(job.id ?? "", (runs.get(job.id ?? "") ?? 0) + 1);
    });
    return { mended, runs, worker };
  }

  test("what has failed is listed, shown before it is given back, and runs once each beside live workers", async () => {
    const scene = bullScene(bull);
    const [mail, bills] = [scene.queue("mail"), scene.queue("bills")];
    const [inMail, inBills] = [failing(scene, "mail"), failing(scene, "bills")];
    await mail.addBulk(
      Array.from({ length: 700 }, (_, n) => ({
        name: "send",
        data: { n },
        ...(n % 3 === 0 && { opts: { priority: 1 + (n % 5) } }),
      })),
    );
    await bills.addBulk(Array.from({ length: 30 }, () => ({ name: "charge", data: {} })));
    await until(
      "all have failed",
      async () => (await mail.getJobCounts()).failed === 700 && (await bills.getJobCounts()).failed === 30,
    );

    const listed = await scene.call("jobs", "list", "--task", "charge", "--since", "1h");
    expect(listed.said.jobs).toHaveLength(30);
    expect(listed.said.jobs[0]).toMatchObject({ queue: "bills", name: "charge", standing: "failed" });

    const looked = await scene.call("jobs", "retry", "--since", "1h", "--dry-run");
    expect(looked.said).toMatchObject({
      ...{ found: 730, changed: 0 },
      kinds: [
        { queue: "mail", name: "send", error: "no such mail", jobs: 700 },
        { queue: "bills", name: "charge", error: "the bank is away", jobs: 30 },
      ],
    });
    const unasked = await scene.call("jobs", "retry", "--since", "1h");
    expect(unasked.code).toBe(2); // there is nobody to ask

    inMail.mended.is = true;
    inBills.mended.is = true;
    expect((await scene.call("jobs", "retry", "--since", "1h", "--error", "no such", "--yes")).said).toMatchObject({
      ...{ found: 700, changed: 700 },
    });
    await until("those have run", async () => (await mail.getJobCounts()).completed === 700);
    expect([...inMail.runs.values()].every((runs) => runs === 1)).toBe(true);
    expect(await bills.getJobCounts()).toMatchObject({ failed: 30, completed: 0 });

    const began = Date.now();
    expect((await scene.call("jobs", "retry", "--queue", "bills", "--rate", "20/s", "--yes")).said.changed).toBe(30);
    expect(Date.now() - began).toBeGreaterThan(1_300); // the last two of thirty leave after 1.4 s
    await until("those have run, too", async () => (await bills.getJobCounts()).completed === 30);
  });

  test("a paused queue stays paused, and an idle worker wakes up when it is resumed", async () => {
    const scene = bullScene(bull);
    const mail = scene.queue("mail");
    const { mended, runs } = failing(scene, "mail");
    await mail.add("send", {});
    await until("it has failed", async () => (await mail.getJobCounts()).failed === 1);
    mended.is = true;
    await mail.pause();
    expect((await scene.call("jobs", "retry", "--task", "send", "--yes")).said.changed).toBe(1);
    const counts = await mail.getJobCounts();
    expect(counts).toMatchObject({ failed: 0, active: 0, completed: 0 });
    expect((counts.waiting ?? 0) + (counts.wait ?? 0) + (counts.paused ?? 0)).toBe(1);
    await mail.resume();
    await until("it has run", () => runs.size === 1);
  });

  test.skipIf(bull.major < 5)("a child that is given back is waited for by its parent again", async () => {
    const scene = bullScene(bull);
    const [parents, children] = [scene.queue("parents"), scene.queue("children")];
    const { mended } = failing(scene, "children");
    scene.worker("parents");
    await scene.flows().add({
      ...{ name: "parent", queueName: "parents", data: {} },
      children: [
        { name: "one", queueName: "children", data: {} },
        { name: "two", queueName: "children", data: {} },
      ],
    });
    await until("both have failed", async () => (await children.getJobCounts()).failed === 2);
    mended.is = true;
    expect((await scene.call("jobs", "retry", "--queue", "children", "--since", "1m", "--yes")).said.changed).toBe(2);
    await until("the parent has run", async () => (await parents.getJobCounts()).completed === 1);
  });
});

test.skipIf(bulls.length === 0)(
  "what a contract refuses is left alone and told; what none describes, and all of it where they say so, is given back",
  async () => {
    const bull = bulls.at(0);
    if (bull === undefined) return;
    const scene = bullScene(bull);
    const mail = scene.queue("mail");
    const worker = scene.worker("mail", {}, async () => {
      throw new Error("no date");
    });
    for (const data of [{}, {}, { date: "2026-01-01" }]) await mail.add("confirm", data);
    await mail.add("other", {});
    await until("all have failed", async () => (await mail.getJobCounts()).failed === 4);
    await worker.close();
    scene.project.write(
      "contracts.ts",
      'import { z } from "zod";\nexport const contracts = { mail: { confirm: z.object({ date: z.string() }) } };\n',
    );
    const args = ["jobs", "retry", "--since", "1h", "--fleet", scene.fleet, "--contracts", "contracts.ts"];
    const told = await scene.project.call([...args, "--dry-run"]);
    expect(told.stderr).toMatch(/confirm +no date +2 +left alone: `date` is missing/);
    expect(told.stderr).toMatch(/other +no date +1 +no contract describes them/);
    const answer = await scene.project.call([...args, "--yes"]);
    expect(answer).toMatchObject({ code: 1, stdout: expect.stringMatching(/^2 of 4 jobs given back\.\n2 were left/) });
    expect(await mail.getJobCounts()).toMatchObject({ failed: 2, waiting: 2 });

    scene.project.write(
      "taskmaster.config.ts",
      'import { contracts } from "./contracts.ts";\nexport default { contracts };\n',
    );
    const unnamed = args.slice(0, -2);
    const configured = await scene.project.call([...unnamed, "--yes"]);
    expect(configured).toMatchObject({ code: 1, stdout: expect.stringMatching(/^0 of 2 jobs/) });
    const forced = await scene.project.call([...unnamed, "--no-contracts", "--yes"]);
    expect(forced).toMatchObject({ code: 0, stdout: "2 of 2 jobs given back.\n" });
  },
);

test.skipIf(bulls.length === 0)("what failed in the window of a deploy is chosen by its number", async () => {
  const bull = bulls.at(0);
  if (bull === undefined) return;
  const { url } = await testDatabase();
  const scene = bullScene(bull, { database: url });
  const mail = scene.queue("mail");
  scene.worker("mail", {}, async () => {
    throw new Error("broken");
  });
  await mail.add("before", {});
  await until("it has failed", async () => (await mail.getJobCounts()).failed === 1);
  expect((await scene.deploy("prepare", "--timeout", "5s")).code).toBe(0);
  await mail.add("within", {});
  expect((await scene.deploy("finish")).code).toBe(0);
  await until("that has failed, too", async () => (await mail.getJobCounts()).failed === 2);
  const { said } = await scene.call("jobs", "retry", "--deploy", "1", "--dry-run");
  expect(said.kinds).toMatchObject([{ name: "within", jobs: 1 }]);
  expect((await scene.call("jobs", "retry", "--deploy", "9", "--dry-run")).said.error.message).toMatch(/no deploy 9/);
});
