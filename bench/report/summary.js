import { median } from "../harness/statistics.js";

/**
 * @typedef {{ median: number, min: number, max: number, values: number[] }} Spread every round's value, in their order
 *
 * @typedef {object} CaseSummary
 * @property {string} scenario
 * @property {string} name
 * @property {string} primary
 * @property {"higher" | "lower"} better
 * @property {Record<string, Record<string, Spread>>} figures by contestant, then by name
 * @property {Record<string, number>} ratios how many times better Taskmaster is than each peer, by the medians of the primary figure
 * @property {{ peer: string, ratio: number } | null} bestPostgresPeer
 * @property {Record<string, string>} errors by contestant: the last one
 * @property {string} began when its run did
 * @property {number} rounds
 * @property {number} load of the machine before the run, by programs that had nothing to do with it
 */

const peersOnPostgres = ["graphile-worker", "pg-boss", "dbos", "absurd"];

/**
 * Medians with spread, and ratios.
 * @param {readonly import("../harness/bench.js").Case[]} cases
 * @param {readonly { scenario: string, name: string, contestant: string, figures?: import("../harness/bench.js").Figures, error?: string }[]} measurements
 * @param {{ began: string, rounds: number, load: number }} run
 * @returns {CaseSummary[]}
 */
export function summarize(cases, measurements, run) {
  return cases.map(({ scenario, name, primary, better }) => {
    const own = measurements.filter((one) => one.scenario === scenario && one.name === name);
    /** @type {Record<string, Record<string, Spread>>} */
    const figures = {};
    /** @type {Record<string, string>} */
    const errors = {};
    for (const contestant of new Set(own.map((one) => one.contestant))) {
      const rounds = own.filter((one) => one.contestant === contestant);
      const failed = rounds.findLast(({ error }) => error !== undefined)?.error;
      if (failed !== undefined) errors[contestant] = failed;
      const measured = rounds.flatMap((one) => (one.figures === undefined ? [] : [one.figures]));
      if (measured.length === 0) continue;
      const keys = [...new Set(measured.flatMap((one) => Object.keys(one)))];
      figures[contestant] = Object.fromEntries(
        keys.map((key) => [key, spread(measured.flatMap((one) => one[key] ?? []))]),
      );
    }
    const ours = figures.taskmaster?.[primary]?.median;
    /** @type {Record<string, number>} */
    const ratios = {};
    for (const [contestant, { [primary]: theirs }] of Object.entries(figures)) {
      if (contestant === "taskmaster" || ours === undefined || theirs === undefined) continue;
      const ratio = better === "higher" ? ours / theirs.median : theirs.median / ours;
      if (Number.isFinite(ratio)) ratios[contestant] = ratio;
    }
    const [best] = peersOnPostgres
      .flatMap((peer) => (ratios[peer] === undefined ? [] : [{ peer, ratio: ratios[peer] }]))
      .sort((a, b) => a.ratio - b.ratio);
    return { scenario, name, primary, better, figures, ratios, bestPostgresPeer: best ?? null, errors, ...run };
  });
}

/** @param {number[]} values @returns {Spread} */
function spread(values) {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values), values };
}
