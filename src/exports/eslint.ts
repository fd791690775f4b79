/**
 * Rules for ESLint 9 and later: mistakes in tasks that only show when one is interrupted and runs again.
 *
 * @example
 * // eslint.config.js
 * import { taskmaster } from "taskmaster/eslint";
 *
 * export default [taskmaster.configs.recommended];
 *
 * @module
 */
export { taskmaster } from "../lint/plugin.ts";
