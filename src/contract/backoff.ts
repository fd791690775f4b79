import { type Duration, InvalidDurationError, toMilliseconds } from "./duration.ts";

/** How long a job waits after a failed attempt before it is tried again. */
export interface Backoff {
  /** The wait after the first failure; it doubles with each further one. A year at most. Default `"2s"`. */
  readonly first?: Duration;
  /** The longest wait. A year at most. Default `"1h"`. */
  readonly max?: Duration;
}

export interface BackoffMs {
  readonly firstMs: number;
  readonly maxMs: number;
}

const longestMs = 366 * 86_400_000;

/** @throws {InvalidDurationError} */
export function toBackoffMs({ first = "2s", max = "1h" }: Backoff = {}): BackoffMs {
  const firstMs = waitMs(first, "backoff.first");
  return { firstMs, maxMs: Math.max(firstMs, waitMs(max, "backoff.max")) };
}

function waitMs(wait: Duration, what: string): number {
  const ms = toMilliseconds(wait, what);
  if (ms > longestMs) throw new InvalidDurationError(`${what} is ${JSON.stringify(wait)}: write a year at most.`);
  return ms;
}

/**
 * The wait in milliseconds before the next attempt: exponential with equal jitter, which is half of the doubled wait plus
 * a random part of the other half, so that jobs that failed together do not come back together
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 *
 * @param failures how often the job has failed, this time included
 * @param random a number from 0 to 1
 */
export function backoffMs({ firstMs, maxMs }: BackoffMs, failures: number, random: number = Math.random()): number {
  const doubled = Math.min(maxMs, firstMs * 2 ** Math.min(failures - 1, 50));
  return Math.round(doubled / 2 + (doubled / 2) * random);
}
