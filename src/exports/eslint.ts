/**
 * Rules for ESLint 9 and later: mistakes in tasks that only show when one is interrupted and runs again.
 *
 * @example
 * // eslint.config.js
 * import taskmaster from "taskmaster/eslint";
 *
 * export default [taskmaster.configs.recommended];
 *
 * @module
 */
// By its name, and as the default, as other plugins of ESLint are imported.
export { taskmaster, taskmaster as default } from "../lint/plugin.ts";
