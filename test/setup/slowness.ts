import { spawnSync } from "node:child_process";

/** In how many milliseconds Node starts on a machine that is not busy. */
const usualMs = 60;

/**
 * How many times slower than usual this machine is just now, 1 or more, by how long Node takes to start: where a promise is a time, a machine that is
 * throttled or busy may take longer by so much.
 */
export function slowness(): number {
  const times = Array.from({ length: 5 }, () => {
    const startedAt = performance.now();
    spawnSync(process.execPath, ["-e", "0"]);
    return performance.now() - startedAt;
  }).sort((one, other) => one - other);
  return Math.max(1, (times[2] ?? 0) / usualMs);
}
