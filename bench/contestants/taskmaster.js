import { Taskmaster, task } from "taskmaster";
import { Worker } from "taskmaster/worker";
import { z } from "zod";
import { resultOf } from "../harness/contestant.js";

/** @typedef {import("../harness/contestant.js").Payload} Payload */

const light = {
  sent: z.number().optional(),
  probe: z.number().optional(),
};
const first = z.object({
  to: z.string(),
  subject: z.string(),
  n: z.number(),
  tags: z.array(z.string()),
  ref: z.string(),
  ...light,
});
const second = first.omit({ subject: true }).extend({ title: z.string() });
const third = second.extend({ urgent: z.boolean() });

/** A schema that lets everything pass, for the cost of the check itself. */
const unchecked = z.any();

/**
 * @param {string} name
 * @param {number} revisions
 * @param {import("../harness/contestant.js").Shape} shape
 * @param {(payload: Payload) => Promise<void> | void} run
 * @param {number} [steps]
 * @param {() => void} [begun]
 */
function taskOf(name, revisions, shape, run, steps = 0, begun = () => {}) {
  if (steps > 0)
    return task(name)
      .payload(first)
      .interruptible(async (payload, ctx) => {
        begun();
        for (let step = 0; step < steps; step++) await ctx.step(`step ${step}`, async () => resultOf(step));
        await run(payload);
      });
  const body = async (/** @type {unknown} */ payload) => run(/** @type {Payload} */ (payload));
  if (shape === "light") return task(`${name}.light`).payload(unchecked).interruptible({ attempts: 25 }, body);
  if (shape === "short") return task(name).payload(first).short(body);
  const one = task(name).payload(first);
  if (revisions === 1) return one.interruptible(body);
  const two = one.revise(second, { upgrade: ({ subject, ...rest }) => ({ ...rest, title: subject }) });
  if (revisions === 2) return two.interruptible(body);
  return two.revise(third, { upgrade: (old) => ({ ...old, urgent: false }) }).interruptible(body);
}

/** @param {number} count @param {number} revisions @param {import("../harness/contestant.js").Shape} shape @param {(payload: Payload) => Promise<void> | void} run @param {number} [steps] @param {() => void} [begun] */
function tasksOf(count, revisions, shape, run, steps, begun) {
  return Array.from({ length: count }, (_, place) => taskOf(`bench.noop${place}`, revisions, shape, run, steps, begun));
}

/** @param {Payload} payload @param {number} revision @returns {Payload} */
function written(payload, revision) {
  if (revision === 1 || payload.subject === undefined) return payload;
  const { subject, ...rest } = payload;
  return revision === 2 ? { ...rest, title: subject } : { ...rest, title: subject, urgent: false };
}

/** @type {import("../harness/contestant.js").Contestant} */
export const taskmaster = {
  id: "taskmaster",
  title: "Taskmaster",
  package: "taskmaster",
  file: "taskmaster.js",
  store: "postgres",
  keepsSteps: true,
  tuning: "the defaults; payloads are checked against their schema before they are written and before they run",

  async prepare(database) {
    const tasks = tasksOf(1, 1, "checked", () => {});
    const worker = new Worker({ database, tasks, release: "bench-prepare" });
    await worker.start();
    await worker.stop();
  },

  async produce({ url, tasks: count, revision, shape }) {
    const tasks = tasksOf(count, revision, shape, () => {});
    const client = new Taskmaster({ database: url, tasks, release: `bench-${revision}` });
    await client.start();
    const at = (/** @type {number} */ place) => {
      const found = tasks[place];
      if (found === undefined) throw new Error(`There is no task ${place}.`);
      return /** @type {import("taskmaster").Task<any, any>} */ (found);
    };
    return {
      enqueue: async (payload, place) => (await client.enqueue(at(place), written(payload, revision))).id,
      enqueueMany: async (payloads, place) => {
        await client.enqueueMany(
          at(place),
          revision === 1 ? payloads : payloads.map((payload) => written(payload, revision)),
        );
      },
      enqueueWithin: async (transaction, payload) => {
        await client.enqueue(at(0), written(payload, revision), { within: transaction });
      },
      close: () => client.stop(),
    };
  },

  async work({ url, tasks: count, revisions, concurrency, shape, steps, begun, run }) {
    const tasks = tasksOf(count, revisions, shape, run, steps, begun);
    const worker = new Worker({ database: url, tasks, concurrency, release: `bench-${revisions}` });
    await worker.start();
    return () => worker.stop();
  },

  async drained({ sql }) {
    const [row] = await sql("select exists (select from taskmaster.job) as left");
    return row?.left === false;
  },

  async settled({ sql }, id) {
    return (await sql("select from taskmaster.job where id = $1", [id])).length === 0;
  },

  async failed({ sql }) {
    const [row] = await sql("select count(*)::int as n from taskmaster.parked where state = 'failed'");
    return Number(row?.n);
  },
};
