import { absurd } from "./absurd.js";
import { bullmq, bullmqAlways, bullmqAof } from "./bullmq.js";
import { dbos } from "./dbos.js";
import { graphileWorker } from "./graphile-worker.js";
import { pgBoss } from "./pg-boss.js";
import { taskmaster } from "./taskmaster.js";

/** @type {readonly import("../harness/contestant.js").Contestant[]} */
export const contestants = [taskmaster, graphileWorker, pgBoss, dbos, absurd, bullmqAof, bullmq, bullmqAlways];
