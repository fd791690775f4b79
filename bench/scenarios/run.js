import { drain } from "../harness/drain.js";

/**
 * No-op jobs from a full queue.
 * @param {string} name
 * @param {boolean} quick
 * @param {{ processes: number, concurrency: number, jobs: number, tasks?: number, revisions?: number }} options
 * @returns {import("../harness/bench.js").Case}
 */
function running(name, quick, { processes, concurrency, jobs, tasks = 1, revisions = 1 }) {
  return {
    scenario: "run",
    name,
    primary: "jobs/s",
    better: "higher",
    quick,
    async measure(bench, contestant) {
      const store = await bench.store(contestant);
      const count = Math.ceil((bench.quick ? jobs / 10 : jobs) / revisions / tasks) * tasks;
      let filled = 0;
      // whoever knows no revisions has all of the same jobs under one
      for (let revision = 1; revision <= revisions; revision++) {
        const producer = await bench.producer(contestant, { url: store.url, tasks, revision });
        // whoever enqueues slowly runs slowly too: the queue need not be fuller than it can be emptied
        filled += await producer.call("fill", { count, ms: (bench.quick ? 2_000 : 8_000) / revisions });
        await producer.call("closeProducer");
        await producer.end();
      }
      // as autovacuum would have done some time ago: whoever is lucky enough to meet it in the middle would plan better than the others
      if (contestant.store === "postgres") await store.inspector.sql("vacuum analyze");
      return drain(bench, contestant, store, {
        processes,
        jobs: filled,
        capMs: bench.quick ? 1_200 : 5_000,
        warmMs: bench.quick ? 300 : 1_500,
        worker: { tasks, revisions, concurrency, ahead: 500 },
      });
    },
  };
}

export const run = [
  running("1 process, concurrency 1", false, { processes: 1, concurrency: 1, jobs: 400_000 }),
  running("1 process, concurrency 10", false, { processes: 1, concurrency: 10, jobs: 400_000 }),
  running("1 process, concurrency 100", true, { processes: 1, concurrency: 100, jobs: 400_000 }),
  running("4 processes, concurrency 10", false, { processes: 4, concurrency: 10, jobs: 400_000 }),
  running("200 tasks at 3 revisions, 1 process, concurrency 100", false, {
    processes: 1,
    concurrency: 100,
    jobs: 400_000,
    tasks: 200,
    revisions: 3,
  }),
];
