import { drain } from "../harness/drain.js";

/**
 * What checkpoints cost: jobs that make so many steps one after the other, each with a small result that is kept.
 * @param {string} name
 * @param {boolean} quick
 * @param {{ concurrency: number, jobs: number, steps: number }} options
 * @returns {import("../harness/bench.js").Case}
 */
function stepping(name, quick, { concurrency, jobs, steps }) {
  return {
    scenario: "steps",
    name,
    primary: "steps/s",
    better: "higher",
    quick,
    takesPart: ({ keepsSteps = false }) => keepsSteps,
    async measure(bench, contestant) {
      const store = await bench.store(contestant);
      const producer = await bench.producer(contestant, { url: store.url });
      const count = bench.quick ? Math.ceil(jobs / 10) : jobs;
      await producer.call("fill", { count });
      await producer.end();
      const { "jobs/s": rate = 0, ...costs } = await drain(bench, contestant, store, {
        processes: 1,
        jobs: count,
        capMs: bench.quick ? 4_000 : 5_000, // a hundred jobs at once end together, after seconds with some
        warmMs: bench.quick ? 300 : 1_500,
        worker: { concurrency, steps },
      });
      const ofOne = Object.entries(costs).map(([key, value]) => [key.replace("/job", "/step"), value / steps]);
      return {
        "steps/s": rate * steps,
        "ms/step": concurrency / ((rate * steps) / 1_000),
        ...Object.fromEntries(ofOne),
      };
    },
  };
}

export const steps = [
  stepping("one job at a time, 20 steps in each", false, { concurrency: 1, jobs: 900, steps: 20 }),
  stepping("100 jobs at once, 20 steps in each", true, { concurrency: 100, jobs: 6_000, steps: 20 }),
];
