import type { DueJobs, RunningShort, TaskPace } from "../engine/traffic.ts";

/**
 * How long a drain would take: if the gate closed now, or at moments to come. By drawing many times what might be running then, and how long
 * that would still take: short tasks that run now, those that come at the pace of late, and those that are due.
 *
 * Arrivals at a steady pace leave Poisson(pace × mean duration) attempts running at a random moment (Little's law), each of which one meets with a
 * probability in proportion to its length, somewhere in its middle.
 */
export interface Traffic {
  readonly paces: readonly TaskPace[];
  readonly running: readonly RunningShort[];
  readonly due: readonly DueJobs[];
  /** Cron ticks of short tasks to come. */
  readonly ticks: readonly { readonly task: string; readonly at: number }[];
}

export interface Drain {
  /** The mean, in milliseconds. */
  readonly expectedMs: number;
  readonly p90Ms: number;
}

export interface Moment extends Drain {
  /** Milliseconds since 1970. */
  readonly at: number;
}

const draws = 1_000;
/** No short task runs for longer. */
const longestMs = 60_000;
const bucketMs = 300_000;
/** A task that has never run is taken to run as long as this. */
const unknownQuantiles: readonly number[] = [0, longestMs];

/** If the gate closed now: what runs is known. */
export function drainNow({ paces, running }: Traffic, now: number, random = seeded()): Drain {
  const quantiles = quantilesOf(paces);
  return simulate(() =>
    Math.max(
      0,
      ...running.map(({ task, since, limitMs }) => {
        const ranMs = Math.max(0, now - since.getTime());
        const left = leftOf(quantiles(task), ranMs, random);
        return left ?? Math.max(0, (limitMs ?? longestMs) - ranMs); // it has run longer than any before
      }),
    ),
  );
}

/** If it closed at a moment to come. */
export function drainAt({ paces, due, ticks }: Traffic, at: number, random = seeded()): Drain {
  const quantiles = quantilesOf(paces);
  const bucket = Math.floor(at / bucketMs) * bucketMs;
  const perMs = new Map(paces.map(({ task, runs, seconds }) => [task, runs / (seconds * 1_000)]));
  for (const { task, from, jobs } of due)
    if (from === bucket) perMs.set(task, (perMs.get(task) ?? 0) + jobs / bucketMs);
  const near = ticks.filter((tick) => tick.at <= at && tick.at > at - longestMs);
  const flows = [...perMs].map(([task, rate]) => ({
    quantiles: quantiles(task),
    running: rate * meanOf(quantiles(task)),
  }));
  return simulate(() => {
    let drain = 0;
    for (const flow of flows)
      for (let left = poisson(flow.running, random); left > 0; left--)
        drain = Math.max(drain, metInTheMiddle(flow.quantiles, random));
    for (const tick of near) {
      const ends = tick.at + quantileAt(quantiles(tick.task), random());
      drain = Math.max(drain, ends - at);
    }
    return drain;
  });
}

/** Moments of the coming time, one for each five minutes, the best first. */
export function moments(traffic: Traffic, now: number, withinMs: number): Moment[] {
  const first = Math.ceil(now / bucketMs) * bucketMs + bucketMs / 2;
  const count = Math.max(1, Math.floor(withinMs / bucketMs));
  return Array.from({ length: count }, (_, index) => first + index * bucketMs)
    .map((at) => ({ at, ...drainAt(traffic, at) })) // each by the same draws: moments that are alike come out alike
    .sort((a, b) => a.p90Ms - b.p90Ms || a.expectedMs - b.expectedMs || a.at - b.at);
}

function quantilesOf(paces: readonly TaskPace[]): (task: string) => readonly number[] {
  const known = new Map(paces.map(({ task, quantiles }) => [task, quantiles]));
  return (task) => known.get(task) ?? unknownQuantiles;
}

function simulate(draw: () => number): Drain {
  const drains = Array.from({ length: draws }, draw).sort((a, b) => a - b);
  const sum = drains.reduce((total, each) => total + each, 0);
  return { expectedMs: sum / draws, p90Ms: drains[Math.floor(draws * 0.9)] ?? 0 };
}

/** Between the quantiles in a straight line. */
function quantileAt(quantiles: readonly number[], share: number): number {
  const place = share * (quantiles.length - 1);
  const below = Math.floor(place);
  const [low = 0, high = low] = [quantiles[below], quantiles[below + 1]];
  return low + (high - low) * (place - below);
}

function meanOf(quantiles: readonly number[]): number {
  let sum = 0;
  for (let index = 1; index < quantiles.length; index++)
    sum += ((quantiles[index - 1] ?? 0) + (quantiles[index] ?? 0)) / 2;
  return sum / Math.max(1, quantiles.length - 1);
}

/** How long an attempt still takes that has run for so long; undefined where none has ever taken as long. */
function leftOf(quantiles: readonly number[], ranMs: number, random: () => number): number | undefined {
  const next = quantiles.findIndex((quantile) => quantile > ranMs);
  if (next < 0) return undefined;
  const [low = 0, high = 0] = [quantiles[next - 1] ?? 0, quantiles[next]];
  const passed = Math.max(0, next - 1 + (high > low ? (ranMs - low) / (high - low) : 0)) / (quantiles.length - 1);
  return Math.max(0, quantileAt(quantiles, passed + (1 - passed) * random()) - ranMs);
}

/** What is left of an attempt that one meets at a random moment: long ones are met more often. */
function metInTheMiddle(quantiles: readonly number[], random: () => number): number {
  const longest = quantiles.at(-1) ?? 0;
  for (let tries = 0; tries < 1_000; tries++) {
    const length = quantileAt(quantiles, random());
    if (random() * longest <= length) return length * random();
  }
  return longest;
}

/** Knuth's method, in steps small enough that e^-mean does not vanish. */
function poisson(mean: number, random: () => number): number {
  let count = 0;
  for (let left = Math.min(mean, 10_000); left > 0; left -= 30) {
    const floor = Math.exp(-Math.min(left, 30));
    for (let product = random(); product > floor; product *= random()) count++;
  }
  return count;
}

/** Mulberry32 from a fixed seed: the same traffic gives the same forecast. */
function seeded(): () => number {
  let state = 1;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
