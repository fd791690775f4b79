import type { Effect, TracedEffect } from "./tracked-run.ts";
import { isIncidental } from "./watch-sockets.ts";

/** Where two runs have had different effects. */
export interface TraceDifference {
  /** From 1. */
  readonly number: number;
  readonly one: Effect | undefined;
  readonly other: Effect | undefined;
}

/**
 * The first difference of two runs' effects; undefined where there is none. What has gone on beside something else may come in any order, and
 * everything else in one.
 *
 * @param whole whether the other run went to its end too; otherwise it was killed, and is the beginning of one
 */
export function traceDifference(
  first: readonly TracedEffect[],
  second: readonly TracedEffect[],
  whole: boolean,
): TraceDifference | undefined {
  const [one, other] = [withoutIncidental(first), withoutIncidental(second)];
  const free = new Set([...one, ...(whole ? other : [])].filter(({ alone }) => !alone).map(({ key }) => key));
  const ordered = (effects: readonly TracedEffect[]) => effects.filter(({ key }) => !free.has(key));
  const [a, b] = [ordered(one), ordered(other)];
  const length = whole ? Math.max(a.length, b.length) : b.length;
  for (let at = 0; at < length; at++)
    if (a[at]?.key !== b[at]?.key) return { number: at + 1, one: a[at], other: b[at] };
  const missing = (from: readonly TracedEffect[], of: readonly TracedEffect[]) => {
    const keys = new Set(from.map(({ key }) => key));
    return of.find(({ key }) => !keys.has(key));
  };
  const more = missing(one, other);
  if (more) return { number: other.indexOf(more) + 1, one: undefined, other: more };
  const less = whole ? missing(other, one) : undefined;
  return less && { number: one.indexOf(less) + 1, one: less, other: undefined };
}

function withoutIncidental(effects: readonly TracedEffect[]): readonly TracedEffect[] {
  return effects.filter((effect) => !isIncidental(effect));
}
