import { Cron } from "croner";
import { TaskmasterError } from "./error.ts";

/**
 * When a cron line fires. Both changes of the clock are ruled: a time that the spring change skips fires at the first moment
 * after the gap; a time that the autumn change repeats fires once, at its first occurrence. Lines that fire every hour or more
 * often fire in every real hour.
 */

/** Thrown where a cron line or its time zone cannot be understood, or the line never fires. */
export class InvalidCronError extends TaskmasterError {
  readonly code = "TASKMASTER_INVALID_CRON";
}

/** @throws {InvalidCronError} */
export function assertCron(schedule: string, line: unknown, timeZone: unknown): void {
  if (typeof line !== "string" || !looksLikeCron(line.trim()))
    throw new InvalidCronError(
      `The cron line of ${schedule} is ${JSON.stringify(line)}: write five fields (minute hour day month weekday), such as "0 3 * * *", or six with seconds first.`,
    );
  if (typeof timeZone !== "string" || !isTimeZone(timeZone))
    throw new InvalidCronError(
      `The time zone of ${schedule} is ${JSON.stringify(timeZone)}, which is none: write one such as "Europe/Paris" or "UTC".`,
    );
  let next: Date | null;
  try {
    next = new Cron(line, { timezone: timeZone, paused: true }).nextRun(new Date());
  } catch (error) {
    throw new InvalidCronError(
      `The cron line of ${schedule}, "${line}", cannot be understood: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
  if (next === null)
    throw new InvalidCronError(`The cron line of ${schedule}, "${line}", never fires: there is no such date.`);
}

function looksLikeCron(line: string): boolean {
  return line.startsWith("@") || [5, 6].includes(line.split(/\s+/).length);
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** The first time after `after` at which a cron line fires; undefined where it never does again. */
export function nextTick(line: string, timeZone: string, after: Date): Date | undefined {
  return new Cron(line, { timezone: timeZone, paused: true }).nextRun(after) ?? undefined;
}
