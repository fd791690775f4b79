/**
 * Measures. `npm run bench -- --help` tells how to call it.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { contestants } from "./contestants/index.js";
import { Bench } from "./harness/bench.js";
import { versionOf } from "./harness/contestant.js";
import { machine } from "./harness/machine.js";
import { PostgresServer } from "./harness/postgres.js";
import { redisVersion } from "./harness/redis.js";
import { openServer } from "./harness/server.js";
import { summarize } from "./report/summary.js";
import { renderTables } from "./report/tables.js";
import { cases } from "./scenarios/index.js";

const here = dirname(fileURLToPath(import.meta.url));

const usage = `Usage: npm run bench -- [options]

  --quick               the small set: under 3 minutes
  --rounds <n>          default 5, quick 3
  --scenario <names>    some of: ${[...new Set(cases.map(({ scenario }) => scenario))].join(", ")}
  --case <text>         only cases whose name contains it
  --contestant <names>  some of: ${contestants.map(({ id }) => id).join(", ")}
  --most <jobs>         the largest backlog of the growth tests. Default 10000000
  --local               without DATABASE_URL: the Postgres on 127.0.0.1:5432 instead of the embedded one
  --output <file>       default results/latest.json, quick results/quick.json
  --add                 keep the cases of that file that this run does not measure

The database: DATABASE_URL (of a role that may create databases), else with --local postgres://postgres@127.0.0.1:5432,
else an embedded Postgres. A peer whose server or schema is missing is left out, and said so.`;

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    scenario: { type: "string" },
    case: { type: "string" },
    contestant: { type: "string" },
    most: { type: "string", default: "10000000" },
    local: { type: "boolean", default: false },
    output: { type: "string" },
    add: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

if (options.help) {
  console.log(usage);
  process.exit(0);
}

const rounds = Number(options.rounds ?? (options.quick ? 3 : 5));
const output = resolve(options.output ?? `${here}/results/${options.quick ? "quick" : "latest"}.json`);
const wanted = options.scenario?.split(",");
const chosen = cases.filter(
  ({ scenario, name, quick }) =>
    (wanted?.includes(scenario) ?? true) &&
    (options.case === undefined || name.includes(options.case)) &&
    (quick || !options.quick || options.case !== undefined),
);
const names = options.contestant?.split(",");
/** The sync of every single write takes minutes; the small set leaves it to the large one. */
const candidates = contestants.filter(({ id }) => names?.includes(id) ?? (!options.quick || id !== "bullmq-always"));

const server = await openServer({ local: options.local });
const postgres = await PostgresServer.connect(server.url);
const bench = new Bench(postgres, { quick: options.quick, most: Number(options.most) });
const settings = await postgres.settings();
const began = new Date();

/** @type {Record<string, string>} */
const leftOut = {};
const present = [];
for (const contestant of candidates) {
  let reason = await bench.missing(contestant);
  if (reason === undefined) {
    try {
      await bench.prepare(contestant);
    } catch (error) {
      reason = `it could not be prepared: ${error instanceof Error ? error.message.split("\n")[0] : error}`;
    }
  }
  if (reason === undefined) present.push(contestant);
  else {
    leftOut[contestant.id] = reason;
    console.error(`\n!!! ${contestant.title} is LEFT OUT: ${reason}\n`);
  }
}
if (settings.autovacuum === "off")
  console.error("\n!!! autovacuum is off on this Postgres: the growth figures tell nothing about a real one.\n");

const [load = 0] = loadavg();
if (load > 0.7)
  console.error(
    `\n!!! Other programs keep this machine busy (load ${load.toFixed(1)}): expect a wide spread, and trust the ratios more than the figures.\n`,
  );

/** @type {{ scenario: string, name: string, contestant: string, round: number, figures?: import("./harness/bench.js").Figures, error?: string }[]} */
const measurements = [];
/** The small set promises to take under three minutes: on a slow or a busy machine it takes fewer rounds. */
const budgetMs = options.quick && options.rounds === undefined ? 170_000 : Number.POSITIVE_INFINITY;
let done = 0;
try {
  for (; done < rounds; done++) {
    const round = done;
    const elapsed = Date.now() - began.getTime();
    if (round > 0 && elapsed + elapsed / round > budgetMs) break;
    for (const one of chosen) {
      const taking = present.filter((contestant) => one.takesPart?.(contestant) ?? true);
      for (let turn = 0; turn < taking.length; turn++) {
        // each round begins with another contestant, so that none always follows the same one
        const contestant = taking[(turn + round) % taking.length];
        if (contestant === undefined) continue;
        const at = { scenario: one.scenario, name: one.name, contestant: contestant.id, round };
        try {
          const figures = await bench.measure(one, contestant);
          measurements.push({ ...at, figures });
          const value = figures[one.primary] ?? Number.NaN;
          console.log(
            `${round + 1}/${rounds}  ${one.scenario}, ${one.name}: ${contestant.title}  ${value.toLocaleString("en", { maximumSignificantDigits: 4 })} ${one.primary}`,
          );
        } catch (error) {
          const message = error instanceof Error ? error.message : String(error);
          measurements.push({ ...at, error: message.split("\n").slice(0, 3).join(" ") });
          console.error(`!!! ${one.scenario}, ${one.name}: ${contestant.title} FAILED: ${message}`);
        }
      }
    }
  }
} finally {
  await bench.close();
  await server.close();
}

const results = {
  began: began.toISOString(),
  minutes: Math.round((Date.now() - began.getTime()) / 6_000) / 10,
  mode: options.quick ? "quick" : "full",
  rounds: done,
  machine: machine(),
  postgres: { ...settings, which: server.which },
  redis: redisVersion() ?? null,
  contestants: Object.fromEntries(
    present.map((contestant) => {
      const { id, title, tuning, store } = contestant;
      return [id, { title, store, package: contestant.package, version: versionOf(contestant.package), tuning }];
    }),
  ),
  leftOut,
  cases: summarize(chosen, measurements, {
    began: began.toISOString(),
    rounds: done,
    load: Math.round(load * 10) / 10,
  }),
};
if (options.add && existsSync(output)) {
  const kept = JSON.parse(readFileSync(output, "utf8"));
  const measured = new Set(results.cases.map(({ scenario, name }) => `${scenario}: ${name}`));
  const others = kept.cases.filter(
    (/** @type {{ scenario: string, name: string }} */ { scenario, name }) => !measured.has(`${scenario}: ${name}`),
  );
  const order = cases.map(({ scenario, name }) => `${scenario}: ${name}`);
  const place = (/** @type {{ scenario: string, name: string }} */ { scenario, name }) =>
    order.indexOf(`${scenario}: ${name}`);
  results.cases = [...others, ...results.cases].sort((a, b) => place(a) - place(b));
  results.contestants = { ...kept.contestants, ...results.contestants };
  for (const id of Object.keys(results.contestants)) delete leftOut[id];
}
mkdirSync(dirname(output), { recursive: true });
writeFileSync(output, `${JSON.stringify(results, null, 1)}\n`);
console.log(`\n${renderTables(results)}\n\nWritten to ${output} after ${results.minutes} minutes.`);
process.exit(measurements.some(({ error }) => error !== undefined) ? 1 : 0);
