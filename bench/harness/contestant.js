/**
 * What a queue has to offer to be measured. One contestant is one file in `contestants/`; its functions run in child
 * processes (`child.js`), never in the measurer's.
 *
 * @typedef {{ [key: string]: unknown, sent?: number, probe?: number }} Payload
 *
 * @typedef {object} ProducerOptions
 * @property {string} url of the store: `postgres://…` or `redis://…`
 * @property {number} tasks how many tasks there are; a job names one by its place, 0 … tasks - 1
 * @property {number} revision at which payloads are written, for those who know revisions
 * @property {Shape} shape
 *
 * @typedef {object} Producer
 * @property {(payload: Payload, task: number) => Promise<string>} enqueue answers the job's id
 * @property {(payloads: Payload[], task: number) => Promise<void>} enqueueMany
 * @property {(client: import("pg").Client, payload: Payload) => Promise<void>} [enqueueWithin] inside the caller's transaction
 * @property {() => Promise<void>} close
 *
 * @typedef {object} WorkerOptions
 * @property {string} url
 * @property {number} tasks
 * @property {number} revisions how many revisions of each task it knows, for those who know revisions
 * @property {number} concurrency
 * @property {number} ahead how many jobs a fetch may bring where it is the caller who says so. Default of the harness 1
 * @property {Shape} shape
 * @property {number} steps checkpoints that each job makes before it is done, for those who keep any. Default of the harness 0
 * @property {() => void} begun to be called before a job's first step
 * @property {(payload: Payload) => Promise<void> | void} run what a job does; a throw is the job's failure
 *
 * @typedef {"light" | "checked" | "short"} Shape whether payloads are checked against a schema before they are written and before they run; short: by a short task
 *
 * @typedef {object} Inspector reads a store without any contestant's code
 * @property {(text: string, values?: unknown[]) => Promise<Record<string, unknown>[]>} sql
 * @property {(...command: string[]) => Promise<unknown>} redis
 *
 * @typedef {object} Contestant
 * @property {string} id
 * @property {string} title
 * @property {string} package as npm names it
 * @property {string} file in `contestants/`
 * @property {"postgres" | "redis" | "redis-aof" | "redis-always"} store
 * @property {string} tuning what is set to make it fast, and who says so
 * @property {() => Promise<string | undefined>} [missing] why it cannot take part here
 * @property {boolean} [keepsSteps] whether its jobs can make checkpoints
 * @property {(url: string) => Promise<void>} prepare makes its tables in an empty database
 * @property {(options: ProducerOptions) => Promise<Producer>} produce
 * @property {(options: WorkerOptions) => Promise<() => Promise<void>>} work resolves once it works; answers its orderly stop
 * @property {(inspector: Inspector) => Promise<boolean>} drained whether every job has been settled
 * @property {(inspector: Inspector, id: string) => Promise<boolean>} settled whether one job has
 * @property {(inspector: Inspector) => Promise<number>} failed jobs given up for good
 */

import { createRequire } from "node:module";

/** The installed version of a package, from its own package.json. @param {string} name */
export function versionOf(name) {
  const require = createRequire(import.meta.url);
  for (const folder of require.resolve.paths(name) ?? []) {
    try {
      return /** @type {string} */ (require(`${folder}/${name}/package.json`).version);
    } catch {
      // not in this folder: Node looks in the next one up
    }
  }
  throw new Error(`${name} is not installed in bench/: run \`npm ci --prefix bench\`.`);
}

/** What a step of a job answers: a small record, of about 60 bytes. @param {number} step */
export function resultOf(step) {
  return { step, ref: "0123456789abcdef", sent: true };
}

/** How jobs look like in the field: about 120 bytes of JSON. @param {number} n @returns {Payload} */
export function payloadOf(n) {
  return {
    to: "someone@example.org",
    subject: "A subject of usual length",
    n,
    tags: ["a", "b"],
    ref: "0123456789abcdef",
  };
}
