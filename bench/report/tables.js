/** The tables of a results file, as Markdown. */

/** @typedef {import("./summary.js").CaseSummary} CaseSummary */
/** @typedef {{ began: string, minutes: number, machine: Record<string, unknown>, postgres: Record<string, unknown>, redis: string | null, contestants: Record<string, { title: string, version: string, tuning: string, package: string }>, leftOut: Record<string, string>, cases: CaseSummary[] }} Results */

const titles = {
  enqueue: "Enqueue",
  run: "Run no-op jobs from a full queue",
  latency: "Latency of a single job",
  steady: "An ordinary day: 100 jobs of 20 ms a second",
  deploy: "A deploy while jobs run",
  floor: "The floor: the same statements by pgbench",
  contracts: "What versioned contracts cost",
  steps: "What a step's checkpoint costs",
  growth: "Growth",
};

/** @param {number | undefined} value */
export function rounded(value) {
  if (value === undefined || Number.isNaN(value)) return "–";
  const digits = Math.abs(value) >= 1_000 ? 3 : Math.abs(value) >= 100 ? 3 : 2;
  return Number(value.toPrecision(digits)).toLocaleString("en");
}

/** @param {readonly string[]} cells */
const row = (cells) => `| ${cells.join(" | ")} |`;

/** @param {readonly CaseSummary[]} cases */
function roundsOf(cases) {
  const rounds = cases.map((one) => one.rounds);
  const [least, most] = [Math.min(...rounds), Math.max(...rounds)];
  return least === most ? `${least}` : `${least} to ${most}`;
}

/** @param {Results} results */
export function renderTables(results) {
  const { machine, postgres, contestants, leftOut, cases } = results;
  const ids = Object.keys(contestants);
  const lines = [
    `Measured ${results.began.slice(0, 10)} on ${machine.cores} cores (${machine.cpu}), ${machine.memoryGB} GB, Node ${String(machine.node).slice(1)}, ` +
      `Postgres ${String(postgres.server_version).split(" ")[0]} (synchronous_commit ${postgres.synchronous_commit}, fsync ${postgres.fsync}, shared_buffers ${postgres.shared_buffers}, ` +
      `autovacuum ${postgres.autovacuum})${results.redis === null ? "" : `, Redis ${results.redis}`}: ` +
      `${roundsOf(cases)} rounds, interleaved. The database and all processes share the cores.` +
      (cases.some(({ load }) => load > 0.7)
        ? " **Other programs kept the machine busy meanwhile**: trust the ratios and the costs per job more than the rates and the latencies."
        : ""),
    "",
    row(["contestant", "version", "how it was made fast"]),
    row(["---", "---", "---"]),
    ...ids.map((id) =>
      row([contestants[id]?.title ?? id, contestants[id]?.version ?? "", contestants[id]?.tuning ?? ""]),
    ),
    ...Object.entries(leftOut).map(([id, reason]) => row([id, "left out", reason])),
  ];
  for (const [scenario, title] of Object.entries(titles)) {
    const own = cases.filter((one) => one.scenario === scenario);
    if (own.length === 0) continue;
    lines.push("", `### ${title}`, "");
    if (scenario === "floor") lines.push(...floorTable(own, cases));
    else lines.push(...table(own, ids, contestants));
  }
  return lines.join("\n");
}

/**
 * Ratios first, then each contestant's median and what the rounds spread over.
 * @param {readonly CaseSummary[]} cases @param {readonly string[]} ids @param {Results["contestants"]} contestants
 */
function table(cases, ids, contestants) {
  const taking = ids.filter((id) => cases.some(({ figures }) => figures[id] !== undefined));
  const alone = taking.length === 1;
  const lines = [
    row([
      "",
      ...(alone ? [] : ["**times the best Postgres peer**"]),
      ...taking.map((id) => contestants[id]?.title ?? id),
    ]),
    row(["---", ...(alone ? [] : ["---"]), ...taking.map(() => "---:")]),
  ];
  for (const one of cases) {
    for (const key of keysOf(one)) {
      const main = key === one.primary;
      const best = one.bestPostgresPeer;
      lines.push(
        row([
          main ? `${one.name}, ${key}` : `– ${key}`,
          ...(alone
            ? []
            : [main && best !== null ? `**${rounded(best.ratio)}** (${contestants[best.peer]?.title})` : ""]),
          ...taking.map((id) => cell(one, id, key)),
        ]),
      );
    }
  }
  return lines;
}

/** @param {CaseSummary} one @param {string} id @param {string} key */
function cell(one, id, key) {
  const figure = one.figures[id]?.[key];
  if (figure === undefined) return key === one.primary && one.errors[id] !== undefined ? "failed" : "–";
  const { median, min, max, values } = figure;
  return key === one.primary && values.length > 1
    ? `${rounded(median)} (${rounded(min)} … ${rounded(max)})`
    : rounded(median);
}

/** @param {CaseSummary} one */
function keysOf({ figures, primary }) {
  const all = [...new Set(Object.values(figures).flatMap((own) => Object.keys(own)))];
  return [primary, ...all.filter((key) => key !== primary)];
}

/** @param {readonly CaseSummary[]} floors @param {readonly CaseSummary[]} cases */
function floorTable(floors, cases) {
  const lines = [
    row(["", "pgbench, jobs/s", "Taskmaster, jobs/s", "**share**", "WAL B/job: pgbench", "Taskmaster"]),
    row(["---", "---:", "---:", "---:", "---:", "---:"]),
  ];
  for (const { name, figures } of floors) {
    const [scenario, ...rest] = name.split(": ");
    const same = cases.find((one) => one.scenario === scenario && one.name === rest.join(": "))?.figures.taskmaster;
    const floor = figures.taskmaster;
    const rate = floor?.["jobs/s"]?.median;
    const ours = same?.["jobs/s"]?.median;
    lines.push(
      row([
        name,
        rounded(rate),
        rounded(ours),
        rate === undefined || ours === undefined ? "–" : `**${rounded((ours / rate) * 100)} %**`,
        rounded(floor?.["WAL B/job"]?.median),
        rounded(same?.["WAL B/job"]?.median),
      ]),
    );
  }
  return lines;
}
