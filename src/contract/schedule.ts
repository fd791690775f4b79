import { assertName, type Contract, InvalidContractError } from "./contract.ts";
import { assertCron } from "./cron.ts";
import { type AnyTask, contractOf, type Enqueueable, type InputOf } from "./task.ts";

const scheduleKey: unique symbol = Symbol.for("taskmaster.schedule") as never;

/** A task that is enqueued at the times of a cron line. */
export interface Schedule {
  readonly name: string;
  readonly [scheduleKey]: ScheduleDefinition;
}

export interface ScheduleDefinition {
  readonly name: string;
  readonly cron: string;
  readonly timeZone: string;
  readonly contract: Contract;
  readonly payload: unknown;
}

/**
 * Enqueues a task at the times of a cron line. Give it to the workers of its release; of several releases, the newest one that is
 * live decides what is scheduled. After a time without workers, one job makes up for all the ticks that were missed.
 *
 * @param options.cron five fields (minute hour day month weekday), or six with seconds first
 * @param options.timeZone default `"UTC"`
 * @example
 * export const nightly = schedule("search.nightly", { cron: "0 3 * * *", timeZone: "Europe/Paris", task: rebuildIndex, payload: { tenant: "all" } });
 *
 * @throws {InvalidCronError} where the line or the zone cannot be understood, or the line never fires
 */
export function schedule<T extends AnyTask>(
  name: string,
  {
    cron,
    timeZone = "UTC",
    task,
    payload,
  }: {
    readonly cron: string;
    readonly timeZone?: string;
    readonly task: T & Enqueueable<T>;
    readonly payload: InputOf<T>;
  },
): Schedule {
  assertName(name, "schedule");
  assertCron(name, cron, timeZone);
  const contract = contractOf(task);
  if (contract.retired)
    throw new InvalidContractError(
      `${name} schedules ${contract.name}, which is retired and can no longer be enqueued.`,
    );
  return { name, [scheduleKey]: { name, cron: cron.trim(), timeZone, contract, payload } };
}

export function definitionOf(schedule: Schedule): ScheduleDefinition {
  return schedule[scheduleKey];
}

/** Whether a value is a schedule of ours. */
export function isSchedule(value: unknown): value is Schedule {
  return typeof value === "object" && value !== null && scheduleKey in value;
}
