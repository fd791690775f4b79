import type { TaskDurations } from "../engine/durations.ts";
import type { Blocker } from "./prepare.ts";

/** How long blockers will still take: at most, by their time limits, and probably, by how long such runs have taken. */
export interface Estimate {
  /** Milliseconds. Undefined where one has no time limit, or is past it. */
  readonly longestMs: number | undefined;
  /** Milliseconds. Undefined where one has never been seen to succeed, or has taken longer than any before. */
  readonly expectedMs: number | undefined;
}

/** @param durations of their tasks */
export function estimate(blockers: readonly Blocker[], durations: readonly TaskDurations[]): Estimate {
  const usual = new Map(durations.map((each) => [each.task, each]));
  const longest = blockers.map(({ limitMs, ranMs }) =>
    limitMs === undefined || ranMs > limitMs ? undefined : limitMs - ranMs,
  );
  const expected = blockers.map(({ task, ranMs }) => leftOf(usual.get(task), ranMs));
  return { longestMs: latest(longest), expectedMs: latest(expected) };
}

/** Of the quantiles that we know, the first that it has not passed. */
function leftOf(durations: TaskDurations | undefined, ranMs: number): number | undefined {
  if (durations === undefined) return undefined;
  const { median, p90, p99, longest } = durations;
  const next = [median, p90, p99, longest].find((quantile) => quantile > ranMs);
  return next === undefined ? undefined : next - ranMs;
}

function latest(times: readonly (number | undefined)[]): number | undefined {
  return times.includes(undefined) ? undefined : Math.max(0, ...(times as number[]));
}
