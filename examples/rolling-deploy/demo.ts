// The demonstration: one breaking change of a job's signature, deployed and rolled back in the middle of the traffic, on Taskmaster
// and, beside it, on a plain queue. Ends with what became of every job, counted; the exit code is 1 if Taskmaster failed or lost one.
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { Taskmaster } from "taskmaster";
import { perform } from "./choreography.ts";
import { figures, left } from "./figures.ts";
import { DemoFleet } from "./fleet.ts";
import { schema as plainSchema } from "./plain-queue.ts";
import { openServer } from "./server.ts";
import { summary, View } from "./view.ts";

const server = await openServer();
console.log(`Two web processes and three workers, twice, on ${server.where}.`);
const sql = new pg.Pool({ connectionString: server.url, max: 3 });
sql.on("error", () => {});
const fleets = [new DemoFleet("taskmaster", server.url), new DemoFleet("plain", server.url)];

let over = false;

async function leave(): Promise<void> {
  over = true;
  for (const fleet of fleets) fleet.killAll();
  await sql.end().catch(() => {});
  await server.leave();
}
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => void leave().finally(() => process.exit(130)));

try {
  await using taskmaster = new Taskmaster({ database: server.url, release: "the demonstration" });
  await taskmaster.start(); // makes the tables, so that everybody finds them
  await sql.query(
    `${plainSchema}; create table mail (queue text, job text, release text, mail json, at timestamptz default clock_timestamp(), primary key (queue, job))`,
  );

  const view = new View();
  const watching = (async () => {
    while (!over) {
      const states = await Promise.all(fleets.map(progressOf)).catch(() => []); // on the way out
      if (!over) view.progress(states);
      await pause(process.stdout.isTTY ? 200 : 2_000);
    }
  })();
  await perform(fleets, (caption) => view.step(caption), drained);
  over = true;
  await watching;

  const results = await Promise.all(
    fleets.map(async (fleet) => ({ queue: fleet.queue, figures: await figures(sql, fleet) })),
  );
  if (process.argv.includes("--json")) console.log(JSON.stringify(results, null, 2));
  else console.log(summary(results));
  const ours = results.find(({ queue }) => queue === "taskmaster")?.figures ?? [];
  if (
    ours.length === 0 ||
    ours.some(({ enqueued, run, failed, lost }) => enqueued === 0 || run < enqueued || failed + lost > 0)
  )
    process.exitCode = 1;
} finally {
  await leave();
}

async function progressOf(fleet: DemoFleet) {
  const { rows: waiting } = await sql.query<{ left: number }>(left[fleet.queue]);
  const { rows: ran } = await sql.query<{ done: number }>("select count(*)::int as done from mail where queue = $1", [
    fleet.queue,
  ]);
  const { rows: gone } = await sql.query<{ failed: number }>(
    fleet.queue === "plain"
      ? "select count(*)::int as failed from plain_job where state = 'failed'"
      : "select count(*)::int as failed from taskmaster.parked",
  );
  return { fleet, done: ran[0]?.done ?? 0, failed: gone[0]?.failed ?? 0, left: waiting[0]?.left ?? 0 };
}

/** Resolves when nothing is left on either queue, or after ten seconds. */
async function drained(): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const states = await Promise.all(fleets.map(progressOf));
    if (states.every((state) => state.left === 0)) return;
    await pause(100);
  }
}
