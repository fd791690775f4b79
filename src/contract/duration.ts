import { TaskmasterError } from "./error.ts";

/** A length of time: milliseconds, or a number and a unit, such as `"250ms"`, `"30s"`, `"5m"`, `"2h"`, `"3 days"`. */
export type Duration = number | string;

/** Thrown where a duration is expected and something else was written. */
export class InvalidDurationError extends TaskmasterError {
  readonly code = "TASKMASTER_INVALID_DURATION";
}

const milliseconds = new Map([
  ["ms", 1],
  ["millisecond", 1],
  ["s", 1_000],
  ["sec", 1_000],
  ["second", 1_000],
  ["m", 60_000],
  ["min", 60_000],
  ["minute", 60_000],
  ["h", 3_600_000],
  ["hour", 3_600_000],
  ["d", 86_400_000],
  ["day", 86_400_000],
  ["w", 604_800_000],
  ["week", 604_800_000],
]);

/** The longest that a timer of Node's waits, in milliseconds (24.8 days): one that is to wait for longer ends at once. */
export const longestTimerMs = 2 ** 31 - 1;

/**
 * A duration in whole milliseconds.
 *
 * @param what names the option in the error, such as `timeLimit`
 * @throws {InvalidDurationError} where it is negative, not finite, or has no unit that is known
 */
export function toMilliseconds(duration: Duration, what = "duration"): number {
  if (typeof duration === "number") {
    if (Number.isFinite(duration) && duration >= 0) return Math.round(duration);
  } else {
    const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]+?)\s*$/i.exec(duration);
    const unit = match?.[2]?.toLowerCase() ?? "";
    const factor = milliseconds.get(unit) ?? milliseconds.get(unit.replace(/s$/, ""));
    if (match?.[1] !== undefined && factor !== undefined) return Math.round(Number(match[1]) * factor);
  }
  throw new InvalidDurationError(
    `${what} is ${typeof duration === "string" ? JSON.stringify(duration) : String(duration)}, which is not a duration: write milliseconds as a number, or a text such as "30s", "5m", "2h" or "3 days".`,
  );
}

/** A duration for people: `850 ms`, `12.3 s`, `4 min 5 s`, `2 h 10 min`, `3 d 4 h`. */
export function formatMilliseconds(ms: number): string {
  if (Math.round(ms) < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 59_500) return `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  const units = [
    ["d", 86_400_000],
    ["h", 3_600_000],
    ["min", 60_000],
    ["s", 1_000],
  ] as const;
  const first = units.findIndex(([, size]) => ms >= size);
  return units
    .slice(first, first + 2)
    .map(([unit, size], index) => {
      const rest = index === 0 ? ms : ms % (units[first]?.[1] ?? 1);
      return [Math.floor(rest / size), unit] as const;
    })
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(" ");
}
