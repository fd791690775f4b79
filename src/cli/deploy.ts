import type { Command } from "commander";
import { addAffected } from "./deploy-affected.ts";
import { addHold } from "./deploy-hold.ts";
import { addPrepare } from "./deploy-prepare.ts";
import { addRecord } from "./deploy-record.ts";
import { addRun } from "./deploy-run.ts";
import { addWhen } from "./deploy-when.ts";

/** `taskmaster deploy …` */
export function addDeploy(program: Command): void {
  const deploy = program
    .command("deploy")
    .description("Close the gate before a deploy, know when it is safe, open it again.");
  for (const add of [addPrepare, addRun, addHold, addWhen, addAffected, addRecord]) add(deploy);
}
