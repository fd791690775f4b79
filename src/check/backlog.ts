import type { Database } from "../engine/database.ts";
import { payloadExtent, payloadPages, type WantedPayloads } from "../engine/payload-pages.ts";
import type { Production, ScheduledPayload } from "../engine/production.ts";
import type { CheckedTask } from "./checked-task.ts";
import { DryRun, type DryRunCount, type LaneReader, laneReader } from "./dry-run.ts";

/** What the code made of everything that production has not done yet. */
export interface BacklogReport {
  /** By task and revision. */
  readonly counts: readonly DryRunCount[];
  /** Payloads that were run. */
  readonly payloads: number;
  /** Jobs of lanes that the code cannot read, by lane. */
  readonly unread: ReadonlyMap<number, number>;
}

export interface Progress {
  readonly done: number;
  /** As of the beginning. */
  readonly total: number;
}

/** Every task of the code by each name that its jobs may carry. */
export function byJobName(tasks: ReadonlyMap<string, CheckedTask>): Map<string, CheckedTask> {
  const names = [...tasks].flatMap(([name, checked]) =>
    [...checked.contract.formerNames, name].map((each): [string, CheckedTask] => [each, checked]),
  );
  return new Map(names);
}

/** Runs every stored payload through the code's upgrades and validators: of jobs, of what failed or is held, and of schedules. */
export async function runBacklog(
  database: Database,
  { lanes, schedules }: Pick<Production, "lanes" | "schedules">,
  tasks: ReadonlyMap<string, CheckedTask>,
  tell: (progress: Progress) => void = () => {},
): Promise<BacklogReport> {
  const names = byJobName(tasks);
  const readers = new Map<number, LaneReader>();
  for (const lane of lanes) {
    const contract = names.get(lane.task)?.contract;
    const reader = contract === undefined ? undefined : laneReader(contract, lane);
    if (reader) readers.set(lane.lane, reader);
  }
  const wanted = [...readers].map(
    ([lane, { rendition, max }]): WantedPayloads => ({ lane, ...(rendition < max && { older: rendition }) }),
  );
  const run = new DryRun();
  const unread = new Map<number, number>();
  const extent = await payloadExtent(database);
  let done = 0;
  for await (const page of payloadPages(database, extent, wanted)) {
    for (const { lane, jobs, ids, payloads } of page) {
      const reader = readers.get(lane);
      done += jobs;
      if (reader === undefined || payloads === null) {
        unread.set(lane, (unread.get(lane) ?? 0) + jobs);
        continue;
      }
      let numbers: readonly string[] | undefined;
      await run.add(reader, JSON.parse(payloads) as unknown[], (index) => {
        numbers ??= ids.split(",");
        return `job ${numbers[index]}`;
      });
    }
    tell({ done, total: extent.jobs });
  }
  const scheduled = await runSchedules(run, schedules, names);
  return { counts: run.counts, payloads: done + scheduled, unread };
}

async function runSchedules(
  run: DryRun,
  schedules: readonly ScheduledPayload[],
  names: ReadonlyMap<string, CheckedTask>,
): Promise<number> {
  let done = 0;
  for (const { name, task, min, max, payload, older } of schedules) {
    const contract = names.get(task)?.contract;
    const reader = contract === undefined ? undefined : laneReader(contract, { task, min, max });
    if (reader === undefined) continue;
    const stored: unknown =
      reader.rendition === max ? JSON.parse(payload) : JSON.parse(older ?? "{}")[String(reader.rendition)];
    await run.add(reader, [stored], () => `schedule ${name}`);
    done += 1;
  }
  return done;
}
