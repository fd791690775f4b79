/**
 * The contract check, for programs: what `taskmaster check` and `taskmaster plan` say, as values, and `compareSchemas`, the
 * comparison of two JSON Schemas that it rests on.
 *
 * @example
 * import { readFileSync } from "node:fs";
 * import { checkTasks, parseLockfile } from "taskmaster/check";
 * import { confirmUser } from "./tasks.ts";
 *
 * const base = parseLockfile(readFileSync("taskmaster.lock.json", "utf8"), "taskmaster.lock.json");
 * const { findings } = await checkTasks({ tasks: [confirmUser], base });
 * for (const { severity, task, title } of findings) console.log(severity, task, title);
 *
 * @module
 */
export { type CheckOptions, checkTasks, type Report } from "../check/check.ts";
export type { Change, Condition, DeployPhase, Effect, Finding, OneDeploy, Phase } from "../check/finding.ts";
export { type Base, GitError, lockfileAt } from "../check/git.ts";
export {
  type Acceptance,
  type LockedRevision,
  type LockedTask,
  type Lockfile,
  LockfileError,
  parseLockfile,
} from "../check/lockfile.ts";
export { lockfileText } from "../check/lockfile-text.ts";
export { checkRules, type RuleId } from "../check/rules.ts";
export {
  type Comparison,
  type ComparisonOptions,
  compareSchemas,
  type Difference,
  type Direction,
} from "../contract/compatibility/compatibility.ts";
export type { JsonSchema } from "../contract/json-schema.ts";
