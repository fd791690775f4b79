/** @param {readonly number[]} values @param {number} share from 0 to 1 */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** @param {readonly number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/**
 * Latencies as they are told: the median, the 99th percentile, and the 99.9th where there are samples enough for one.
 * @param {string} name @param {readonly number[]} values
 */
export function percentiles(name, values) {
  return {
    [`${name} p50 ms`]: quantile(values, 0.5),
    [`${name} p99 ms`]: quantile(values, 0.99),
    ...(values.length >= 1_000 ? { [`${name} p99.9 ms`]: quantile(values, 0.999) } : {}),
  };
}
