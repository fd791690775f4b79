import { contracts } from "./contracts.js";
import { deploy } from "./deploy.js";
import { enqueue } from "./enqueue.js";
import { floors } from "./floor.js";
import { growth } from "./growth.js";
import { latency } from "./latency.js";
import { run } from "./run.js";
import { steadies } from "./steady.js";
import { steps } from "./steps.js";

/** @type {readonly import("../harness/bench.js").Case[]} */
export const cases = [
  ...enqueue,
  ...run,
  ...latency,
  ...steadies,
  ...deploy,
  ...floors,
  ...contracts,
  ...steps,
  ...growth,
];
