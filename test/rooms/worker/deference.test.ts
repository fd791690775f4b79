import fc from "fast-check";
import { expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import { Taskmaster } from "../../../src/client/taskmaster.ts";
import { task } from "../../../src/contract/task.ts";
import { Database, pause } from "../../../src/engine/database.ts";
import { Deference } from "../../../src/worker/deference.ts";
import { Worker } from "../../../src/worker/worker.ts";
import { testDatabase } from "../../setup/database.ts";
import { until } from "../../setup/until.ts";

const work = [{ lane: 1, inMs: 0 }];

interface Member {
  readonly deference: Deference;
  hasRoom: boolean;
}

/** Workers that are all told of each job; the first of them that looks and has room gets it. Time is what `vi` makes it. */
function fleet(workers: number) {
  const seen = { waits: [] as number[], inVain: 0 };
  let waiting: number[] = [];
  const look = (member: Member) => {
    if (!member.hasRoom) return;
    const got = waiting;
    waiting = [];
    seen.waits.push(...got.map((since) => performance.now() - since));
    if (got.length === 0) seen.inVain++;
    member.deference.claimed(got.length);
  };
  const members = Array.from({ length: workers }, () => {
    const deference = new Deference({ answer: () => look(member), hasRoom: () => member.hasRoom });
    const member: Member = { deference, hasRoom: true };
    member.deference.others = workers - 1;
    return member;
  });
  return {
    members,
    seen,
    /** So many jobs, one by one. */
    jobs(count: number, apartMs: number): typeof seen {
      Object.assign(seen, { waits: [], inVain: 0 });
      for (let job = 0; job < count; job++) {
        waiting.push(performance.now());
        for (const { deference } of members) deference.told(work);
        vi.advanceTimersByTime(apartMs);
      }
      return seen;
    },
  };
}

test("of many workers one answers at once, and the others look in vain about once in 10 ms together, however many there are", () => {
  fakeTime();
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 60 }), (workers) => {
      const { jobs } = fleet(workers);
      jobs(100, 5); // until it is settled who does
      const { waits, inVain } = jobs(400, 5);
      expect(waits).toEqual(Array(400).fill(0));
      // In two seconds 200: each about once in half of its window. What chance adds (a standard deviation of 8) stays below.
      expect(inVain).toBeLessThan(250 + 2 * workers);
    }),
    { numRuns: 20 },
  );
});

test("where that one has no room, or is gone, another one comes within a moment, and soon answers at once", () => {
  fakeTime();
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 30 }), (workers) => {
      const { members, jobs, seen } = fleet(workers);
      jobs(100, 5);
      const first = members.find((member) => {
        const before = seen.inVain;
        member.deference.told(work);
        return seen.inVain > before; // there is no job: only whoever answers at once looks
      }) as Member;
      first.hasRoom = false;
      const { waits } = jobs(200, 5);
      expect(Math.max(...waits)).toBeLessThanOrEqual(20 * (workers - 1));
      expect(Math.max(...waits.slice(-100))).toBeLessThan(5); // now and then two vie for it, a millisecond apart
    }),
    { numRuns: 20 },
  );
});

test("whoever could only claim ahead answers after all who have room, or as soon as it has some", () => {
  fakeTime();
  const others = 4;
  let hasRoom = false;
  let answers = 0;
  const full = new Deference({ answer: () => answers++, hasRoom: () => hasRoom });
  full.others = others;
  for (let round = 1; round <= 50; round++) {
    full.told(work);
    full.ended(); // and the next one has begun
    vi.advanceTimersByTime(20 * others - 1); // who has room has looked by then, however often in vain before
    expect(answers).toBe(round - 1);
    vi.advanceTimersByTime(20 * others + 1);
    expect(answers).toBe(round);
  }
  full.told(work);
  hasRoom = true;
  full.ended();
  expect(answers).toBe(51);
  vi.advanceTimersByTime(1_000);
  expect(answers).toBe(51);
});

test("where there is seldom work, all answer at once", () => {
  fakeTime();
  const { jobs } = fleet(5);
  jobs(100, 5);
  expect(jobs(20, 100).inVain).toBe(20 * 4);
});

test("whoever is alone, and what is due later, waits for nobody", () => {
  fakeTime();
  const answered: unknown[] = [];
  const deference = new Deference({ answer: (wakeUps) => answered.push(...wakeUps), hasRoom: () => true });
  for (let round = 0; round < 10; round++) deference.claimed(0);
  deference.told(work);
  expect(answered).toEqual(work);
  deference.others = 30;
  for (let round = 0; round < 10; round++) deference.claimed(0);
  for (let round = 0; round < 10; round++) deference.told([...work, { lane: 2, inMs: 350 }]);
  expect(answered).toEqual([...work, ...Array(10).fill({ lane: 2, inMs: 350 })]);
  vi.advanceTimersByTime(600);
  expect(answered.slice(11)).toEqual(work);
});

test("eight workers do not all ask the database for each job; where one is busy, another runs the next", async () => {
  const { url } = await testDatabase();
  let ran: () => void = () => {};
  let blocked = 0;
  let release: () => void = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  onTestFinished(() => release());
  const quick = task("deference.quick")
    .payload(z.object({ blocks: z.boolean() }))
    .short(async ({ blocks }) => {
      if (!blocks) return ran();
      blocked++;
      await released;
    });
  const workers = Array.from(
    { length: 8 },
    () => new Worker({ database: url, tasks: [quick], release: "r1", concurrency: 2 }),
  );
  onTestFinished(async () => void (await Promise.all(workers.map((worker) => worker.stop()))));
  await Promise.all(workers.map((worker) => worker.start()));
  await using client = new Taskmaster({ database: url, tasks: [quick], release: "r1" });
  const oneByOne = async (jobs: number) => {
    for (let job = 0; job < jobs; job++) {
      const hasRun = new Promise<void>((resolve) => {
        ran = resolve;
      });
      await client.enqueue(quick, { blocks: false });
      await hasRun;
      await pause(5);
    }
  };
  await oneByOne(100);
  const asked = vi.spyOn(Database.prototype, "queryInLine");
  onTestFinished(() => asked.mockRestore());
  const since = performance.now();
  await oneByOne(200);
  const inVain = asked.mock.calls.length - 200;
  // Each of the others for each job would be 1,400. About once in 10 ms together is fewer, however slow the machine; what luck adds stays below.
  expect(inVain).toBeLessThan(200 + (1.25 * (performance.now() - since)) / 10);
  for (let job = 0; job < 16; job++) await client.enqueue(quick, { blocks: true });
  await until("all are busy", () => blocked === 16);
  release();
});

function fakeTime(): void {
  vi.useFakeTimers({ toFake: ["performance", "setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
}
