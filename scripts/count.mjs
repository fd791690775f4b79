// Prints what vitest runs came to, from their JSON reports: "N passed, N failed". A file that could not be run counts as failed.
import { readFileSync } from "node:fs";

/** @typedef {{ status: string, assertionResults: { status: string }[] }} TestFile */

/** @param {string} path @returns {TestFile[]} */
function read(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8")).testResults;
  } catch {
    console.error("The tests did not run to their end: there is no report of them.");
    return [];
  }
}

const files = process.argv.slice(2).flatMap(read);
const tests = files.flatMap(({ assertionResults }) => assertionResults);
const passed = tests.filter(({ status }) => status === "passed").length;
const failed =
  tests.filter(({ status }) => status === "failed").length +
  files.filter(
    ({ status, assertionResults }) => status === "failed" && assertionResults.every((test) => test.status !== "failed"),
  ).length;
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
