import { drain } from "../harness/drain.js";

/**
 * What versioned contracts cost: only Taskmaster has them.
 * @param {string} name
 * @param {{ shape: import("../harness/contestant.js").Shape, revisions: number }} options
 * @returns {import("../harness/bench.js").Case}
 */
function contract(name, { shape, revisions }) {
  return {
    scenario: "contracts",
    name,
    primary: "jobs/s",
    better: "higher",
    quick: false,
    takesPart: ({ id }) => id === "taskmaster",
    async measure(bench, contestant) {
      const store = await bench.store(contestant);
      const producer = await bench.producer(contestant, { url: store.url, shape });
      const jobs = 400_000;
      await producer.call("fill", { count: jobs });
      await producer.end();
      return drain(bench, contestant, store, {
        processes: 1,
        jobs,
        capMs: 5_000,
        warmMs: 1_500,
        worker: { concurrency: 100, shape, revisions },
      });
    },
  };
}

export const contracts = [
  contract("a schema that checks nothing, no upgrade", { shape: "light", revisions: 1 }),
  contract("every payload checked, no upgrade", { shape: "checked", revisions: 1 }),
  contract("every payload checked and upgraded over 2 revisions", { shape: "checked", revisions: 3 }),
];
