/** Draws a results file as SVG: `npm run charts [-- results/latest.json [folder]]`. The default folder is that of the file. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { rounded } from "./tables.js";

/** @typedef {import("./summary.js").CaseSummary} CaseSummary */
/** @typedef {{ label: string, bars: { title: string, value: number, own: boolean }[] }} Group */

const width = 760;
const labelWidth = 190;
const barHeight = 18;

/** Charts by file name: which cases, and which of their figures. */
const charts = [
  { file: "enqueue.svg", title: "Enqueue, jobs per second", scenario: "enqueue", figure: "jobs/s" },
  { file: "run.svg", title: "Run no-op jobs, jobs per second", scenario: "run", figure: "jobs/s" },
  {
    file: "latency-p50.svg",
    title: "Latency from enqueue to start, median, ms (less is better)",
    scenario: "latency",
    figure: "start p50 ms",
  },
  {
    file: "latency-p99.svg",
    title: "Latency from enqueue to start, 99th percentile, ms (less is better)",
    scenario: "latency",
    figure: "start p99 ms",
  },
  {
    file: "deploy.svg",
    title: "Attempts that failed in a deploy with a breaking change (less is better)",
    scenario: "deploy",
    figure: "failed attempts",
    only: "breaking",
  },
  {
    file: "growth.svg",
    title: "In and out at a standing backlog, jobs per second",
    scenario: "growth",
    figure: "jobs/s",
    only: "backlog",
  },
];

/** @param {string} text */
const escaped = (text) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

/**
 * Horizontal bars in groups. Colours are those of a reader's theme: text inherits it, bars stand out on light and dark.
 * @param {string} title @param {readonly Group[]} groups
 */
function draw(title, groups) {
  /** @type {string[]} */
  const parts = [];
  let y = 44;
  for (const { label, bars } of groups) {
    const most = Math.max(...bars.map(({ value }) => value), Number.MIN_VALUE);
    parts.push(`<text x="0" y="${y}" class="label">${escaped(label)}</text>`);
    y += 8;
    for (const { title: name, value, own } of bars) {
      const length = Math.max(1, (value / most) * (width - labelWidth - 90));
      parts.push(
        `<text x="${labelWidth - 8}" y="${y + 13}" text-anchor="end">${escaped(name)}</text>`,
        `<rect x="${labelWidth}" y="${y + 2}" width="${length.toFixed(1)}" height="${barHeight - 4}" rx="2" class="${own ? "own" : "peer"}"/>`,
        `<text x="${(labelWidth + length + 6).toFixed(1)}" y="${y + 13}">${rounded(value)}</text>`,
      );
      y += barHeight;
    }
    y += 26;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y - 10}" viewBox="0 0 ${width} ${y - 10}" role="img" aria-label="${escaped(title)}">
<style>
text { font: 12px system-ui, sans-serif; fill: #444 } .title { font-size: 15px; font-weight: 600 } .label { font-weight: 600 }
.own { fill: #0b7a5b } .peer { fill: #9aa5b1 }
@media (prefers-color-scheme: dark) { text { fill: #ccc } .own { fill: #3ccf9e } .peer { fill: #66717d } }
</style>
<text x="0" y="18" class="title">${escaped(title)}</text>
${parts.join("\n")}
</svg>
`;
}

const file = process.argv[2] ?? fileURLToPath(new URL("../results/latest.json", import.meta.url));
const folder = process.argv[3] ?? dirname(file);
/** @type {import("./tables.js").Results} */
const { cases, contestants } = JSON.parse(readFileSync(file, "utf8"));
mkdirSync(folder, { recursive: true });
for (const { file: name, title, scenario, figure, only } of charts) {
  const groups = cases
    .filter((one) => one.scenario === scenario && (only === undefined || one.name.includes(only)))
    .map(({ name: label, figures }) => ({
      label,
      bars: Object.entries(figures).flatMap(([id, own]) => {
        const value = own[figure]?.median;
        return value === undefined ? [] : [{ title: contestants[id]?.title ?? id, value, own: id === "taskmaster" }];
      }),
    }))
    .filter(({ bars }) => bars.length > 1);
  if (groups.length === 0) continue;
  writeFileSync(join(folder, name), draw(title, groups));
  console.log(join(folder, name));
}
