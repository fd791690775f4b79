import { storePayload } from "../contract/payload.ts";
import { definitionOf, type Schedule } from "../contract/schedule.ts";
import type { Database } from "../engine/database.ts";
import { publish } from "../engine/events.ts";
import { JobNumbers } from "../engine/job-numbers.ts";
import { LaneBook } from "../engine/lanes.ts";
import {
  type DefinedSchedule,
  defineSchedules,
  fireSchedules,
  isNewestRelease,
  nextTickInMs,
} from "../engine/schedules.ts";
import { Loop } from "./loop.ts";

/** Defines this release's schedules while it is the newest live one, and fires whatever is due. */
export interface ScheduleLoopOptions {
  readonly database: Database;
  readonly schedules: readonly Schedule[];
  readonly releaseName: string;
  readonly release: number;
  /** Names of the tasks that this program knows. */
  readonly tasks: readonly string[];
  /** Jobs were enqueued in these lanes. */
  readonly onFired: (lanes: readonly number[]) => void;
}

/** How often ownership is looked at again; ticks are met on time by the wait until the next one. */
const everyMs = 5_000;

export class ScheduleLoop {
  readonly #options: ScheduleLoopOptions;
  readonly #numbers: JobNumbers;
  readonly #lanes: LaneBook;
  #owner = false;
  #lostAt: number | undefined;
  readonly #loop: Loop;

  constructor(options: ScheduleLoopOptions) {
    this.#options = options;
    this.#numbers = new JobNumbers(options.database);
    this.#lanes = new LaneBook(options.database);
    this.#loop = new Loop(
      () => this.#round(),
      (error) => {
        if (this.#lostAt === undefined) publish({ event: "database.lost", during: "schedules", error });
        this.#lostAt ??= performance.now();
        return everyMs;
      },
    );
  }

  start(): void {
    this.#loop.start();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  async #round(): Promise<number> {
    await this.#own();
    await this.#fire();
    if (this.#lostAt !== undefined)
      publish({ event: "database.back", during: "schedules", afterMs: performance.now() - this.#lostAt });
    this.#lostAt = undefined;
    return Math.max(0, Math.min(everyMs, await nextTickInMs(this.#options.database)));
  }

  async #own(): Promise<void> {
    const { database, release, releaseName, schedules, tasks } = this.#options;
    const newest = await isNewestRelease(database, release);
    if (newest && !this.#owner) {
      const removed = await defineSchedules(database, release, await this.#defined(), tasks);
      if (removed === undefined) return;
      if (schedules.length + removed.length > 0)
        publish({
          event: "schedule.owned",
          release: releaseName,
          schedules: schedules.map(({ name }) => name),
          removed,
        });
    }
    this.#owner = newest;
  }

  async #defined(): Promise<DefinedSchedule[]> {
    const defined: DefinedSchedule[] = [];
    for (const { name, cron, timeZone, contract, payload } of this.#options.schedules.map(definitionOf)) {
      const { min, max, text, olderText } = await storePayload(contract, payload);
      const lane = await this.#lanes.idOf({
        queue: contract.queue,
        task: contract.name,
        min,
        max,
        priority: contract.priority,
      });
      defined.push({ name, cron, timeZone, task: contract.name, lane, payload: text, older: olderText });
    }
    return defined;
  }

  async #fire(): Promise<void> {
    const fired = await fireSchedules(this.#options.database, (count) => this.#numbers.take(count));
    for (const { schedule, tick, job } of fired) publish({ event: "schedule.fired", schedule, tick, job });
    if (fired.length > 0) this.#options.onFired([...new Set(fired.map(({ lane }) => lane))]);
  }
}
